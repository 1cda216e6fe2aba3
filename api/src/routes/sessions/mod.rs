//! Sessions: submitted, looked at, acted on.

mod act;
mod create;
mod events;
mod look;
mod parts;
mod report;
mod view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub use create::submit;
pub use view::SessionView;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create::create, look::list))
        .routes(routes!(look::get))
        .routes(routes!(report::report))
        .routes(routes!(events::events))
        .routes(routes!(parts::conflicts))
        .routes(routes!(parts::rejects))
        .routes(routes!(parts::changes))
        .routes(routes!(look::lines))
        .routes(routes!(act::start))
        .routes(routes!(act::pause))
        .routes(routes!(act::resume))
        .routes(routes!(act::cancel))
        .routes(routes!(act::retry))
        .routes(routes!(act::undo))
        .routes(routes!(act::apply))
}
