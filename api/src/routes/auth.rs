//! An API key is traded for a token.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::WWW_AUTHENTICATE;
use pinksync_common::auth::{ApiKey, TOKEN_LIFETIME, VerifyError};
use pinksync_common::store::api_keys;
use pinksync_common::telemetry::names;
use pinksync_model::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Shown;
use crate::app::App;
use crate::input::Body;
use crate::problem::{Code, Problem};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    /// `pks_<key id>_<secret>`, as it was shown when the key was made.
    #[schema(value_type = String)]
    api_key: Secret,
}

#[derive(Serialize, ToSchema)]
struct Token {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds for which it is valid.
    expires_in: u64,
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(issue))
}

/// Trade an API key for a token
///
/// Nothing is changed by it, so that the `Idempotency-Key` has no effect: every answer holds a new token.
#[utoipa::path(post, path = "/v1/auth/token", tag = "auth", operation_id = "issue_token", security(()),
    request_body = TokenRequest, responses((status = 200, body = Token)))]
async fn issue(State(app): State<Arc<App>>, Body(request): Body<TokenRequest>) -> Shown<Token> {
    let traded = trade(&app, &request).await;
    let result = match &traded {
        Ok(_) => "issued",
        Err(problem) => problem.code.as_str(),
    };
    metrics::counter!(names::TOKENS, "result" => result).increment(1);
    traded.map(Json)
}

async fn trade(app: &App, request: &TokenRequest) -> Result<Token, Problem> {
    let key: ApiKey = request.api_key.expose().parse().map_err(|_| invalid())?;
    let client = app.client().await?;
    let login = api_keys::find_for_login(&client, key.id).await?.filter(|login| login.usable).ok_or_else(invalid)?;
    // A connection is not held while the secret is checked, which takes a while.
    drop(client);
    let right = app.verifier.verify(&key, login.generation, &login.secret_hash).await.map_err(not_checked)?;
    if !right {
        return Err(invalid());
    }
    let token = app
        .tokens
        .issue(key.id, login.account, &login.permissions, login.generation)
        .map_err(|error| Problem::internal(&error))?;
    let client = app.client().await?;
    api_keys::touch(&client, key.id).await?;
    let expires_in = TOKEN_LIFETIME.as_secs();
    Ok(Token { access_token: token.expose().to_owned(), token_type: "Bearer", expires_in })
}

/// Which part of a key is wrong is not told.
fn invalid() -> Problem {
    let detail = "the API key is unknown, revoked or expired, or its secret is wrong";
    let challenge = HeaderValue::from_static("Bearer realm=\"pinksync\"");
    Problem::new(Code::ApiKeyInvalid, detail).with_header(WWW_AUTHENTICATE, challenge)
}

/// Why a secret could not be checked or hashed.
pub fn not_checked(error: VerifyError) -> Problem {
    match error {
        VerifyError::Busy => Problem::unavailable("too many API keys are being checked at the moment"),
        VerifyError::Bcrypt(_) | VerifyError::Thread(_) => Problem::internal(&error),
    }
}
