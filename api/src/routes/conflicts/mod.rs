//! Conflicts: records that both sides changed, looked at and decided on.

mod bulk;
mod look;
mod resolve;
mod suggest;
mod view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub use view::ConflictView;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(look::list))
        .routes(routes!(look::counts))
        .routes(routes!(look::get))
        .routes(routes!(resolve::resolve))
        .routes(routes!(bulk::resolve_many))
}
