//! Who may do what. What a route needs is declared once, as `security` of its OpenAPI operation; this layer reads it
//! there. What is not declared is not let in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pinksync_common::auth::{Claims, Permission, Permissions, Refused};
use pinksync_common::ids::{AccountId, ApiKeyId};
use utoipa::openapi::OpenApi;

use crate::app::App;
use crate::openapi::operations;
use crate::problem::{Code, Problem};

/// Who calls. Put into the request by [`guard`].
#[derive(Debug, Clone)]
pub struct Caller {
    pub account: AccountId,
    pub key: ApiKeyId,
    pub permissions: Permissions,
}

impl Caller {
    /// # Errors
    /// The route is open to all: a mistake of ours, since its handler asks who calls.
    pub fn of(extensions: &Extensions) -> Result<Self, Problem> {
        let caller = extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::internal(&std::io::Error::other("an open route asks who calls")))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.extensions)
    }
}

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needed {
    Nothing,
    Permission(Permission),
}

/// What each operation needs, by the path as it was declared and the method.
#[derive(Debug)]
pub struct Gate(HashMap<String, HashMap<Method, Needed>>);

/// A document that leaves open what an operation needs.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path} does not declare `security` with one permission, or `security(())`")]
pub struct Undeclared {
    method: Method,
    path: String,
}

impl Gate {
    /// # Errors
    /// An operation does not say what it needs.
    pub fn of_document(document: &OpenApi) -> Result<Self, Undeclared> {
        let mut gate: HashMap<String, HashMap<Method, Needed>> = HashMap::new();
        for (path, method, operation) in operations(document) {
            let scopes = operation.security.as_deref().and_then(|alternatives| match alternatives {
                [requirement] => serde_json::to_value(requirement).ok(),
                _ => None,
            });
            let needed = scopes.as_ref().and_then(serde_json::Value::as_object).and_then(|schemes| {
                if schemes.is_empty() {
                    return Some(Needed::Nothing);
                }
                let scopes = schemes.get("token")?.as_array()?;
                let [scope] = scopes.as_slice() else { return None };
                scope.as_str()?.parse().ok().map(Needed::Permission)
            });
            let needed = needed.ok_or_else(|| Undeclared { method: method.clone(), path: path.to_owned() })?;
            gate.entry(path.to_owned()).or_default().insert(method, needed);
        }
        Ok(Self(gate))
    }

    /// What is needed for a request. axum answers HEAD by the handler of GET.
    fn needed(&self, path: &str, method: &Method) -> Result<Needed, Problem> {
        let methods = self.0.get(path);
        let as_declared = if method == Method::HEAD { &Method::GET } else { method };
        if let Some(needed) = methods.and_then(|methods| methods.get(as_declared)) {
            return Ok(*needed);
        }
        let mut allowed: Vec<&str> = methods.into_iter().flatten().map(|(method, _)| method.as_str()).collect();
        allowed.sort_unstable();
        let allowed = allowed.join(", ");
        let problem = Problem::new(Code::MethodNotAllowed, format!("allowed here: {allowed}"));
        Err(match HeaderValue::try_from(allowed) {
            Ok(allowed) => problem.with_header(ALLOW, allowed),
            Err(_) => problem,
        })
    }
}

/// Lets in who may do what is asked for, and counts it against the key's rate limit.
pub async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return next.run(request).await;
    };
    let permission = match app.gate.needed(path.as_str(), request.method()) {
        Ok(Needed::Nothing) => return next.run(request).await,
        Ok(Needed::Permission(permission)) => permission,
        Err(problem) => return problem.into_response(),
    };
    let claims = match authenticate(&app, request.headers()).await {
        Ok(claims) => claims,
        Err(problem) => return problem.into_response(),
    };
    let caller = Caller { account: claims.acct, key: claims.sub, permissions: claims.perms.clone() };
    let allowance = match app.rate_limit.as_ref().map(|limit| limit.take(caller.key, Instant::now())).transpose() {
        Ok(allowance) => allowance,
        Err(problem) => return problem.into_response(),
    };
    let mut response = if caller.permissions.allows(permission) {
        request.extensions_mut().insert(caller);
        // For answers that outlast the token.
        request.extensions_mut().insert(claims);
        next.run(request).await
    } else {
        let detail = format!("this needs the permission `{permission}`, which the API key does not have");
        Problem::new(Code::PermissionMissing, detail).into_response()
    };
    if let Some(allowance) = allowance {
        allowance.add_to(response.headers_mut());
    }
    response
}

async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Claims, Problem> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        let detail = "trade an API key for a token with POST /v1/auth/token, and send it as `Authorization: Bearer …`";
        let challenge = HeaderValue::from_static("Bearer realm=\"pinksync\"");
        return Err(Problem::new(Code::TokenMissing, detail).with_header(WWW_AUTHENTICATE, challenge));
    };
    let text = header.to_str().unwrap_or_default();
    let token = match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(invalid_token("the `Authorization` header is not `Bearer` and a token")),
    };
    let claims = app.tokens.verify(token).map_err(|error| invalid_token(error.to_string()))?;
    app.key_states.check(&claims).await.map_err(|refused| match refused {
        Refused::Revoked => invalid_token(refused.to_string()),
        Refused::Unknown(_) => Problem::unavailable(refused.to_string()),
    })?;
    Ok(claims)
}

fn invalid_token(detail: impl Into<String>) -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"pinksync\", error=\"invalid_token\"");
    Problem::new(Code::TokenInvalid, detail).with_header(WWW_AUTHENTICATE, challenge)
}
