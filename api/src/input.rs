//! What comes in from outside: path, query and body, read strictly. Whatever does not fit is a problem that names the
//! place and never repeats the value that stood there, which may be a secret.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::problem::{Code, Problem};

/// The parameters of the path.
#[derive(Debug)]
pub struct PathOf<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(parameters)) => Ok(Self(parameters)),
            Err(_) => {
                Err(Problem::new(Code::InvalidPath, "an id in the address is not a UUID, or a number in it is none"))
            }
        }
    }
}

/// The query parameters.
#[derive(Debug)]
pub struct QueryOf<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        if query.contains("%00") {
            return Err(Problem::new(Code::InvalidQuery, "a parameter holds the character U+0000"));
        }
        let pairs = form_urlencoded::parse(query.as_bytes());
        serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map(Self).map_err(|error| {
            let name = pointer(error.path());
            let (message, remedy) = words(&error.inner().to_string());
            let problem = Problem::new(Code::InvalidQuery, "the query parameters are not understood");
            problem.at(name.trim_start_matches('/'), message, remedy)
        })
    }
}

/// The body of a request that changes nothing; one that changes something is a [`crate::change::Change`].
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let bytes = body_of(request, state).await?;
        read_body(&headers, &bytes).map(Self)
    }
}

/// The body as it came, for what is hashed as well as read.
///
/// # Errors
/// It is too large, or did not come whole.
pub async fn body_of<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Problem::new(Code::BodyTooLarge, "the body is larger than the service reads");
        }
        match rejection {
            BytesRejection::FailedToBufferBody(_) => Problem::new(Code::BadRequest, "the body did not come whole"),
            _ => Problem::new(Code::BadRequest, "the body cannot be read"),
        }
    })
}

/// The body as a value; an empty one stands for `{}`, since actions need none.
///
/// # Errors
/// It is not JSON, or says something else than is wanted here.
pub fn read_body<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return of_value(Value::Object(serde_json::Map::new()));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let problem = Problem::new(Code::UnsupportedMediaType, "the body must be JSON");
        return Err(problem.at("Content-Type", "this is not `application/json`", "send `application/json`"));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let place = format!("the text stops being JSON at line {}, column {}", error.line(), error.column());
        Problem::new(Code::MalformedJson, place)
    })?;
    if let Some(place) = place_of_nul(&value) {
        return Err(Problem::of_field(&place, "this holds the character U+0000", "leave it out"));
    }
    of_value(value)
}

fn of_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let text = error.inner().to_string();
        let (message, remedy) = words(&text);
        let mut pointer = pointer(error.path());
        if let Some(name) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            pointer = format!("{}/{name}", pointer.trim_end_matches('/'));
        }
        Problem::new(Code::InvalidBody, "a field of the body is wrong").at(pointer, message, remedy)
    })
}

/// Longest name of anything.
const LONGEST_NAME: usize = 200;

/// Whether a text may be the name of something.
///
/// # Errors
/// It is empty, too long, holds a control character, or begins or ends with a space.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let length = name.chars().count();
    if (1..=LONGEST_NAME).contains(&length) && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let remedy =
        format!("write 1 to {LONGEST_NAME} characters, none of them a control character, no space around them");
    Err(Problem::of_field("/name", "this is not a name", remedy))
}

/// PostgreSQL keeps no text with this character.
fn place_of_nul(value: &Value) -> Option<String> {
    let step = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| Some(format!("/{index}{}", place_of_nul(item)?)))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, part)| match name.contains('\0') {
            true => Some(String::new()),
            false => Some(format!("/{}{}", step(name), place_of_nul(part)?)),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
    }
    pointer
}

/// What serde says, without the value that it found: names of fields are kept, since those are no secrets.
fn words(text: &str) -> (String, String) {
    let expected = text.rsplit_once("expected ").map(|(_, expected)| expected);
    if text.starts_with("unknown field") {
        let message = text.split(", ").next().unwrap_or(text).to_owned();
        let known = expected.unwrap_or("no fields here").trim_start_matches("one of ");
        return (message, format!("known fields here: {known}"));
    }
    if text.starts_with("missing field") || text.starts_with("duplicate field") {
        return (text.to_owned(), "see the description of this body in /openapi.json".to_owned());
    }
    match expected {
        Some(expected) => ("this value does not fit".to_owned(), format!("write {expected}")),
        None => ("this value does not fit".to_owned(), "see its description in /openapi.json".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only its place matters")]
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its place matters")]
        count: u32,
    }

    fn refusal(body: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        format!("{:?}", read_body::<Body>(&headers, body.as_bytes()).unwrap_err())
    }

    #[test]
    fn a_mistake_is_named_by_its_place_and_not_by_its_value() {
        for (body, pointer) in [
            (r#"{"inner": {"count": "hunter2"}}"#, "/inner/count"),
            (r#"{"inner": {"count": 1, "more": "hunter2"}}"#, "/inner/more"),
            (r#"{"inner": {}}"#, "/inner/count"),
            (r#"{"inner": {"a/b": "hunter2\u0000"}}"#, "/inner/a~1b"),
            ("", "/inner"),
        ] {
            let refusal = refusal(body);
            assert!(refusal.contains(&format!("{pointer:?}")), "{refusal}");
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }
}
