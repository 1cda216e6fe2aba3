//! The stable names of what can go wrong: clients decide by these and by nothing else.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of problem it is. Names are never changed; new ones may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    MalformedJson,
    InvalidBody,
    InvalidDefinition,
    InvalidPath,
    InvalidQuery,
    InvalidCursor,
    InvalidHeader,
    BadRequest,
    UnsupportedMediaType,
    BodyTooLarge,
    TokenMissing,
    TokenInvalid,
    ApiKeyInvalid,
    PermissionMissing,
    NotFound,
    MethodNotAllowed,
    NameTaken,
    InUse,
    WrongState,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    RevisionChanged,
    RevisionRequired,
    RateLimited,
    ConflictMoved,
    DecisionInProgress,
    DecisionGuarded,
    DecisionFailed,
    CountChanged,
    NoWorker,
    SystemFailed,
    Internal,
    Unavailable,
    TimedOut,
}

/// What holds for every problem of a code.
struct Facts {
    name: &'static str,
    status: StatusCode,
    title: &'static str,
    /// Whether the very same request may succeed later.
    passes: bool,
}

const fn lasting(name: &'static str, status: StatusCode, title: &'static str) -> Facts {
    Facts { name, status, title, passes: false }
}

const fn passing(name: &'static str, status: StatusCode, title: &'static str) -> Facts {
    Facts { name, status, title, passes: true }
}

impl Code {
    /// Every code, in the order in which the documentation lists them.
    pub const ALL: [Self; 34] = [
        Self::MalformedJson,
        Self::InvalidBody,
        Self::InvalidDefinition,
        Self::InvalidPath,
        Self::InvalidQuery,
        Self::InvalidCursor,
        Self::InvalidHeader,
        Self::BadRequest,
        Self::UnsupportedMediaType,
        Self::BodyTooLarge,
        Self::TokenMissing,
        Self::TokenInvalid,
        Self::ApiKeyInvalid,
        Self::PermissionMissing,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NameTaken,
        Self::InUse,
        Self::WrongState,
        Self::IdempotencyInProgress,
        Self::IdempotencyKeyReused,
        Self::RevisionChanged,
        Self::RevisionRequired,
        Self::RateLimited,
        Self::ConflictMoved,
        Self::DecisionInProgress,
        Self::DecisionGuarded,
        Self::DecisionFailed,
        Self::CountChanged,
        Self::NoWorker,
        Self::SystemFailed,
        Self::Internal,
        Self::Unavailable,
        Self::TimedOut,
    ];

    #[rustfmt::skip]
    const fn facts(self) -> Facts {
        use StatusCode as Is;
        match self {
            Self::MalformedJson => lasting("malformed_json", Is::BAD_REQUEST, "The body is not JSON"),
            Self::InvalidBody => lasting("invalid_body", Is::UNPROCESSABLE_ENTITY, "The body does not say what is needed here"),
            Self::InvalidDefinition => lasting("invalid_definition", Is::UNPROCESSABLE_ENTITY, "The definition has mistakes"),
            Self::InvalidPath => lasting("invalid_path", Is::BAD_REQUEST, "The address is not well formed"),
            Self::InvalidQuery => lasting("invalid_query", Is::BAD_REQUEST, "The query parameters are not understood"),
            Self::InvalidCursor => lasting("invalid_cursor", Is::BAD_REQUEST, "The cursor is none of this list"),
            Self::InvalidHeader => lasting("invalid_header", Is::BAD_REQUEST, "A header is not understood"),
            Self::BadRequest => lasting("bad_request", Is::BAD_REQUEST, "The request is not understood"),
            Self::UnsupportedMediaType => lasting("unsupported_media_type", Is::UNSUPPORTED_MEDIA_TYPE, "The body is of a kind that is not read"),
            Self::BodyTooLarge => lasting("body_too_large", Is::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::TokenMissing => lasting("token_missing", Is::UNAUTHORIZED, "A token is needed"),
            Self::TokenInvalid => lasting("token_invalid", Is::UNAUTHORIZED, "The token is not valid"),
            Self::ApiKeyInvalid => lasting("api_key_invalid", Is::UNAUTHORIZED, "The API key is not valid"),
            Self::PermissionMissing => lasting("permission_missing", Is::FORBIDDEN, "The API key lacks a permission"),
            Self::NotFound => lasting("not_found", Is::NOT_FOUND, "There is no such thing"),
            Self::MethodNotAllowed => lasting("method_not_allowed", Is::METHOD_NOT_ALLOWED, "The method is not allowed here"),
            Self::NameTaken => lasting("name_taken", Is::CONFLICT, "The name is taken"),
            Self::InUse => lasting("in_use", Is::CONFLICT, "It is in use"),
            Self::WrongState => lasting("wrong_state", Is::CONFLICT, "Its state does not allow it"),
            Self::IdempotencyInProgress => passing("idempotency_in_progress", Is::CONFLICT, "The first request with this key is still at work"),
            Self::IdempotencyKeyReused => lasting("idempotency_key_reused", Is::UNPROCESSABLE_ENTITY, "The key belongs to another request"),
            Self::RevisionChanged => lasting("revision_changed", Is::PRECONDITION_FAILED, "It was changed meanwhile"),
            Self::RevisionRequired => lasting("revision_required", Is::PRECONDITION_REQUIRED, "The revision to be changed must be named"),
            Self::RateLimited => passing("rate_limited", Is::TOO_MANY_REQUESTS, "Too many requests"),
            Self::ConflictMoved => lasting("conflict_moved", Is::CONFLICT, "The record was changed since the conflict was found"),
            Self::DecisionInProgress => passing("decision_in_progress", Is::CONFLICT, "Another decision on it is at work"),
            Self::DecisionGuarded => lasting("decision_guarded", Is::CONFLICT, "A guard has stopped the decision"),
            Self::DecisionFailed => lasting("decision_failed", Is::UNPROCESSABLE_ENTITY, "The decision could not be carried out"),
            Self::CountChanged => lasting("count_changed", Is::CONFLICT, "Not as many match as were expected"),
            Self::NoWorker => passing("no_worker", Is::SERVICE_UNAVAILABLE, "No worker is there to do it"),
            Self::SystemFailed => passing("system_failed", Is::BAD_GATEWAY, "A system behind a connection did not do it"),
            Self::Internal => lasting("internal", Is::INTERNAL_SERVER_ERROR, "Something went wrong here"),
            Self::Unavailable => passing("unavailable", Is::SERVICE_UNAVAILABLE, "The service is not available"),
            Self::TimedOut => passing("timed_out", Is::SERVICE_UNAVAILABLE, "The request took too long"),
        }
    }

    /// The spelling in JSON.
    pub fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// The status of an answer with this code.
    pub fn status(self) -> StatusCode {
        self.facts().status
    }

    /// The problem in a few words, the same for every one of its kind.
    pub fn title(self) -> &'static str {
        self.facts().title
    }

    /// Whether the very same request may succeed later.
    pub fn is_retryable(self) -> bool {
        self.facts().passes
    }

    /// The code for an answer that came without a problem, from a part that is not ours.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::REQUEST_TIMEOUT => Self::TimedOut,
            other if other.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}
