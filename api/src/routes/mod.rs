//! All routes: one file per resource, and one line here for each.

mod api_keys;
mod audit;
mod auth;
mod conflicts;
mod connections;
mod queue;
mod schedules;
mod sessions;
mod syncs;
mod system;
mod workers;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::openapi;

/// Every resource's routes, with their descriptions.
pub fn all() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::beginning())
        .merge(auth::routes())
        .merge(api_keys::routes())
        .merge(connections::routes())
        .merge(syncs::routes())
        .merge(sessions::routes())
        .merge(conflicts::routes())
        .merge(schedules::routes())
        .merge(workers::routes())
        .merge(queue::routes())
        .merge(audit::routes())
        .merge(system::routes())
}
