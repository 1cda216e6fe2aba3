//! Sessions: submitted, looked at, acted on.

mod act;
mod create;
mod look;
mod view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create::create, look::list))
        .routes(routes!(look::get))
        .routes(routes!(look::report))
        .routes(routes!(look::lines))
        .routes(routes!(act::start))
        .routes(routes!(act::pause))
        .routes(routes!(act::resume))
        .routes(routes!(act::cancel))
        .routes(routes!(act::retry))
        .routes(routes!(act::undo))
        .routes(routes!(act::apply))
}
