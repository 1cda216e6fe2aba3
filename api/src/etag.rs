//! Revisions over HTTP: the ETag of a definition is its revision, and a change names the revision it was made for.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};

use crate::problem::{Code, Problem};

/// Which revisions a change may replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever is there.
    Any,
    /// Any of these.
    Revisions(Vec<i64>),
}

impl IfMatch {
    /// Reads the header.
    ///
    /// # Errors
    /// It is missing, or is not a list of ETags.
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let remedy = "send the `ETag` of the last GET, such as `If-Match: \"3\"`";
        let Some(header) = headers.get(IF_MATCH) else {
            let problem = Problem::new(Code::RevisionRequired, "a change names the revision that it was made for");
            return Err(problem.at("If-Match", "the header is missing", remedy));
        };
        let text = header.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        let revisions = text.split(',').map(|tag| revision(tag.trim())).collect::<Option<Vec<_>>>();
        revisions.map(Self::Revisions).ok_or_else(|| {
            let problem = Problem::new(Code::InvalidHeader, "`If-Match` is not an ETag of this service");
            problem.at("If-Match", "this is no ETag", remedy)
        })
    }

    /// Refuses a change that was made for another revision than there is.
    ///
    /// # Errors
    /// It was changed meanwhile.
    pub fn check(&self, current: i64) -> Result<(), Problem> {
        match self {
            Self::Revisions(revisions) if !revisions.contains(&current) => {
                let detail = format!("it is at revision {current} now: look at it again, then decide");
                Err(Problem::new(Code::RevisionChanged, detail).with_header(ETAG, etag(current)))
            }
            Self::Revisions(_) | Self::Any => Ok(()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

/// Where the header may be left out.
impl<S: Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        parts.headers.contains_key(IF_MATCH).then(|| Self::of(&parts.headers)).transpose()
    }
}

/// A revision as an ETag.
pub fn etag(revision: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// A weak ETag never matches where a change is to be guarded, so it is not read as one.
fn revision(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<IfMatch, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, value.parse().unwrap());
        IfMatch::of(&headers)
    }

    #[test]
    fn a_change_for_another_revision_is_refused() {
        let wanted = read("\"2\", \"3\"").unwrap();
        assert!(wanted.check(3).is_ok());
        assert_eq!(wanted.check(4).unwrap_err().code, Code::RevisionChanged);
        assert!(read("*").unwrap().check(4).is_ok());
    }

    #[test]
    fn what_is_no_etag_is_refused() {
        for value in ["3", "W/\"3\"", "\"x\"", ""] {
            assert_eq!(read(value).unwrap_err().code, Code::InvalidHeader);
        }
        assert_eq!(IfMatch::of(&HeaderMap::new()).unwrap_err().code, Code::RevisionRequired);
    }
}
