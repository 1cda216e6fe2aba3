//! A client that says what came back, whatever it was.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

/// Speaks to one service, with a token or without.
#[derive(Clone)]
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    base: String,
    token: Option<String>,
}

/// A request on its way.
pub struct Asked<'c> {
    client: &'c Client,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self:?}")).to_str().unwrap()
    }

    /// The answer, which has this status.
    #[track_caller]
    pub fn with_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// The problem, which has this code and everything that a problem has.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/docs#{code}"));
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(problem["title"].is_string() && problem["detail"].is_string() && problem["errors"].is_array());
        assert!(problem["retryable"].is_boolean());
        problem
    }
}

impl Client {
    pub fn new(base: &str) -> Self {
        let http = Http::builder(TokioExecutor::new()).build_http();
        Self { http, base: base.to_owned(), token: None }
    }

    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same with a token that is had for an API key.
    pub async fn log_in(&self, api_key: &str) -> Self {
        let reply = self.post("/v1/auth/token", &json!({"api_key": api_key})).await.with_status(200);
        self.with_token(reply.json()["access_token"].as_str().unwrap())
    }

    pub fn ask(&self, method: Method, path: impl Into<String>) -> Asked<'_> {
        Asked { client: self, method, path: path.into(), headers: Vec::new(), body: None }
    }

    pub async fn get(&self, path: impl Into<String>) -> Reply {
        self.ask(Method::GET, path).send().await
    }

    pub async fn post(&self, path: impl Into<String>, body: &Value) -> Reply {
        self.ask(Method::POST, path).json(body).send().await
    }

    pub async fn put(&self, path: impl Into<String>, if_match: &str, body: &Value) -> Reply {
        self.ask(Method::PUT, path).header("if-match", if_match).json(body).send().await
    }

    pub async fn delete(&self, path: impl Into<String>, if_match: &str) -> Reply {
        self.ask(Method::DELETE, path).header("if-match", if_match).send().await
    }
}

impl Asked<'_> {
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").bytes(body.to_string())
    }

    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub async fn send(self) -> Reply {
        let mut request = Request::builder().method(self.method).uri(format!("{}{}", self.client.base, self.path));
        if let Some(token) = &self.client.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::from(self.body.unwrap_or_default()));
        let reply = self.client.http.request(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = reply.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }
}
