//! The OpenAPI 3.1 document: gathered from the handlers, then completed with what holds for every operation of a kind,
//! and with the schema of the sync file.

use axum::http::{Method, StatusCode};
use pinksync_model::SyncDefinition;
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};

use crate::problem::ProblemBody;

/// The name of the sync file's schema; its parts are called `SyncDefinition.…`.
const DEFINITION: &str = "SyncDefinition";

/// What everything begins with.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "PinkCloudSync",
        description = "Keeps the records of two systems in agreement. Trade an API key for a token with \
                       `POST /v1/auth/token` and send it as `Authorization: Bearer …`. Every refusal is a problem of \
                       RFC 9457 with a stable `code`; `/docs` lists the codes."
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "auth", description = "Tokens and API keys"),
        (name = "connections", description = "Saved ways to reach a system"),
        (name = "syncs", description = "What is kept in agreement, with all revisions"),
        (name = "sessions", description = "Runs of syncs: submitted, watched, acted on, taken back"),
        (name = "conflicts", description = "Records that both sides changed: looked at, and decided on"),
        (name = "schedules", description = "When sessions start by themselves, and when they may work"),
        (name = "system", description = "How the service is, and who did what"),
    )
)]
struct Beginning;

/// A field that holds a sync file.
pub fn sync_definition() -> Ref {
    Ref::from_schema_name(DEFINITION)
}

/// A document without operations.
pub fn beginning() -> OpenApi {
    let mut document = Beginning::openapi();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    document
}

/// Adds to every operation what holds for all of its kind.
pub fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations_mut(item) {
            if method == Method::POST {
                let text = "Sent again with the same key, the same request is answered as before and not carried out \
                            again. Kept for 24 hours.";
                add_header(operation, "Idempotency-Key", Required::False, text);
            }
            if matches!(method, Method::PUT | Method::PATCH | Method::DELETE) {
                add_header(operation, "If-Match", Required::True, "The `ETag` of the revision that is to be changed.");
            }
            operation.responses.responses.iter_mut().for_each(|(status, response)| describe(status, response));
            let problem = Ref::from_schema_name("Problem");
            let content = utoipa::openapi::Content::new(Some(problem));
            let response = ResponseBuilder::new().description("A problem").content("application/problem+json", content);
            operation.responses.responses.insert("default".to_owned(), response.build().into());
        }
    }
}

/// An answer that says nothing else of itself is described by the name of its status.
fn describe(status: &str, response: &mut RefOr<Response>) {
    let reason = status.parse::<StatusCode>().ok().and_then(|status| status.canonical_reason());
    if let (RefOr::T(response), Some(reason)) = (response, reason)
        && response.description.is_empty()
    {
        response.description = reason.to_owned();
    }
}

fn add_header(operation: &mut Operation, name: &str, required: Required, description: &str) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}

/// Every operation of a document, with its path and method.
pub fn operations(document: &OpenApi) -> impl Iterator<Item = (&str, Method, &Operation)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        let all = [
            (Method::GET, &item.get),
            (Method::PUT, &item.put),
            (Method::POST, &item.post),
            (Method::DELETE, &item.delete),
            (Method::PATCH, &item.patch),
        ];
        all.into_iter().filter_map(move |(method, operation)| Some((path.as_str(), method, operation.as_ref()?)))
    })
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The document as it is served: with the schemas of the sync file and of a connection, which are JSON Schema already.
///
/// # Errors
/// The document cannot be written as JSON.
pub fn to_json(document: &OpenApi) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::to_value(document)?;
    if let Some(schemas) = json.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        add_definition(schemas);
    }
    Ok(json)
}

fn add_definition(schemas: &mut Map<String, Value>) {
    let mut definition = SyncDefinition::json_schema();
    let mut parts = Map::new();
    if let Some(schema) = definition.as_object_mut() {
        schema.remove("$schema");
        if let Some(Value::Object(defs)) = schema.remove("$defs") {
            parts = defs;
        }
        for side in ["source", "target"] {
            if let Some(schema) = schema.get_mut("properties").and_then(|fields| fields.get_mut(side)) {
                let saved = json!({
                    "type": "object",
                    "description": "A saved connection, by its name or id.",
                    "properties": {"connection": {"type": "string", "minLength": 1}},
                    "required": ["connection"],
                    "additionalProperties": false,
                });
                *schema = json!({"anyOf": [schema.take(), saved]});
            }
        }
    }
    schemas.insert(DEFINITION.to_owned(), moved(definition));
    let connection = parts.get("Connection").cloned().unwrap_or_default();
    schemas.insert("NewConnection".to_owned(), moved(with_more(connection)));
    for (name, part) in parts {
        schemas.insert(format!("{DEFINITION}.{name}"), moved(part));
    }
}

/// A connection as it is posted: what stands under `source:` in a sync file, and what the service
/// keeps beside it. Every type forbids further fields, so they are added to each.
fn with_more(mut connection: Value) -> Value {
    let more = json!({
        "name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Unique in its account."},
        "max_tasks": {
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "Tasks that may work on it at once; as the service's settings say, if left out.",
        },
    });
    for form in connection.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(fields) = form.get_mut("properties").and_then(Value::as_object_mut) {
            fields.extend(more.as_object().cloned().unwrap_or_default());
        }
        if let Some(required) = form.get_mut("required").and_then(Value::as_array_mut) {
            required.push("name".into());
        }
    }
    connection
}

/// References within the sync file's schema lead to the components of the document.
fn moved(mut schema: Value) -> Value {
    move_references(&mut schema);
    schema
}

fn move_references(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(target) if name == "$ref" => {
                        *target = target.replace("#/$defs/", &format!("#/components/schemas/{DEFINITION}."));
                    }
                    other => move_references(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(move_references),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
