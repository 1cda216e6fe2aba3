//! What a handler answers with. An answer can be kept and given again, which is how a repeated request is answered.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::etag::etag;
use crate::problem::Problem;

/// A JSON answer without further ado.
pub type Shown<T> = Result<Json<T>, Problem>;

/// An answer with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    status: u16,
    location: Option<String>,
    revision: Option<i64>,
    /// JSON; empty for an answer without a body.
    body: String,
}

/// What comes instead of a new answer.
#[derive(Debug)]
pub enum Instead {
    Problem(Problem),
    /// The answer that was given before to the same request.
    Before(Answer),
}

impl Answer {
    fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(|error| Problem::internal(&error))?;
        Ok(Self { status: status.as_u16(), location: None, revision: None, body })
    }

    /// 200 with a body.
    ///
    /// # Errors
    /// The body is none in JSON.
    pub fn ok(body: &impl Serialize) -> Result<Self, Problem> {
        Self::new(StatusCode::OK, body)
    }

    /// 201 with what was made, and where it is.
    ///
    /// # Errors
    /// The body is none in JSON.
    pub fn created(location: String, body: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { location: Some(location), ..Self::new(StatusCode::CREATED, body)? })
    }

    /// 202 with how things stand.
    ///
    /// # Errors
    /// The body is none in JSON.
    pub fn accepted(body: &impl Serialize) -> Result<Self, Problem> {
        Self::new(StatusCode::ACCEPTED, body)
    }

    /// 204.
    pub fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT.as_u16(), location: None, revision: None, body: String::new() }
    }

    /// The id of what it shows.
    pub fn id(&self) -> Option<Uuid> {
        #[derive(Deserialize)]
        struct Shown {
            id: Uuid,
        }
        serde_json::from_str(&self.body).ok().map(|shown: Shown| shown.id)
    }

    /// With the revision as ETag.
    pub fn at_revision(self, revision: i64) -> Self {
        Self { revision: Some(revision), ..self }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let has_body = !self.body.is_empty();
        let mut response = (status, self.body).into_response();
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            headers.insert(LOCATION, location);
        }
        if let Some(revision) = self.revision {
            headers.insert(ETAG, etag(revision));
        }
        response
    }
}

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Before(answer) => answer.into_response(),
        }
    }
}

impl<E: Into<Problem>> From<E> for Instead {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}
