use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use crate::app::App;
pub fn routes() -> OpenApiRouter<Arc<App>> { OpenApiRouter::new() }
