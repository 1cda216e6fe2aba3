//! What every refusal looks like: RFC 9457 `application/problem+json`. `type` leads to the page `/docs`, which lists all
//! codes; `code` is what a program decides by.

mod code;

use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use pinksync_common::definition::{SecretsError, pointer};
use pinksync_common::store::StoreError;
use pinksync_model::{Mistake, Mistakes};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use code::Code;

/// Seconds after which a client is asked to try again what passes by itself.
const TRY_AGAIN_SECONDS: u64 = 1;

/// A mistake at one place of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemError {
    /// A JSON pointer into the body, the name of a query parameter or header, or the address of what is in the way.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// A refusal on its way to the client. Its body is written by [`Problem::render`], once the request's id is known.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: Code,
    detail: String,
    pub errors: Vec<ProblemError>,
    /// Seldom there: it would make every result large.
    fresh: Option<Box<Value>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A reference to the description of this kind of problem.
    r#type: String,
    /// The kind of problem in a few words.
    title: &'a str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: &'a str,
    /// The kind of problem, for programs.
    code: Code,
    /// Mistakes by place, where there are places.
    errors: &'a [ProblemError],
    /// `conflict_moved` alone: what both sides hold now, `{source, target}`; null where the record is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    fresh: Option<&'a Value>,
    /// Whether the very same request may succeed later.
    retryable: bool,
    /// What to name when asking for help; it stands in the logs.
    request_id: &'a str,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), fresh: None, headers: Vec::new() }
    }

    /// Names a place that is wrong.
    pub fn at(mut self, pointer: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (pointer, message, remedy) = (pointer.into(), message.into(), remedy.into());
        self.errors.push(ProblemError { pointer, message, remedy });
        self
    }

    /// Tells what both sides of a conflict hold now.
    pub fn with_fresh(mut self, fresh: Value) -> Self {
        self.fresh = Some(Box::new(fresh));
        self
    }

    /// Adds a header to the answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A mistake in one field of the body.
    pub fn of_field(pointer: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Code::InvalidBody, "a field of the body is wrong").at(pointer, message, remedy)
    }

    /// What is named is not there, or is another account's, which is the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no {what} of this id in this account"))
    }

    /// A fault of the service. The cause goes to the log and never to the client.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        let mut chain = cause.to_string();
        let mut source = cause.source();
        while let Some(error) = source {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            source = error.source();
        }
        tracing::error!(cause = chain, "a request failed");
        Self::new(Code::Internal, "this is a fault of the service; the request id leads to it in the logs")
    }

    /// The service cannot do it now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, detail).retry_after(TRY_AGAIN_SECONDS)
    }

    /// When it is worth while to try again, in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// All mistakes of a definition, with pointers instead of paths.
    pub fn of_mistakes(mistakes: &Mistakes) -> Self {
        let count = mistakes.0.len();
        let detail = if count == 1 { "it has one mistake".to_owned() } else { format!("it has {count} mistakes") };
        Self { errors: errors_of(mistakes), ..Self::new(Code::InvalidDefinition, detail) }
    }

    /// The answer as it is sent.
    pub fn render(&self, request_id: &str) -> Response {
        let body = ProblemBody {
            r#type: format!("/docs#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
            fresh: self.fresh.as_deref(),
            retryable: self.code.is_retryable(),
            request_id,
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        response
    }
}

/// Carries the problem outwards as an extension of an answer without a body.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<SecretsError> for Problem {
    fn from(error: SecretsError) -> Self {
        Self::internal(&error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let logged = Self::internal(&error);
        if error.passes() { Self::unavailable("the metadata database is not available at the moment") } else { logged }
    }
}

/// The mistakes of a definition with pointers instead of paths.
pub fn errors_of(mistakes: &Mistakes) -> Vec<ProblemError> {
    let error = |mistake: &Mistake| ProblemError {
        pointer: pointer(&mistake.path),
        message: mistake.message.clone(),
        remedy: mistake.remedy.clone(),
    };
    mistakes.0.iter().map(error).collect()
}

/// The problem of an answer that says nothing: of the router or a layer that is not ours.
pub fn of_bare_answer(status: StatusCode, response: &Response) -> Problem {
    let code = Code::of_status(status);
    let mut problem = Problem::new(code, "the request cannot be carried out as it is");
    for name in [ALLOW, RETRY_AFTER, WWW_AUTHENTICATE] {
        if let Some(value) = response.headers().get(&name) {
            problem = problem.with_header(name, value.clone());
        }
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_spelled_as_it_is_written() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
