//! The page `/docs`: the OpenAPI document for people, and all codes of problems. One page without a script and without
//! anything from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;

use crate::problem::Code;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1,h2{color:#b3246b}h3{margin:1.5rem 0 .2rem;font-size:1rem}code{background:#f6edf2;padding:.1rem .3rem;border-radius:3px}
table{border-collapse:collapse}td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
.needs{color:#666;font-size:.9rem}";

/// The whole page.
pub fn page(document: &Value) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>PinkCloudSync API</title><style>{STYLE}</style>\
         <h1>PinkCloudSync API</h1><p>{}</p><p>The whole document, with all schemas: <a href=\"/openapi.json\">\
         /openapi.json</a>.</p>",
        escaped(text(document.pointer("/info/description")))
    );
    for tag in document.get("tags").and_then(Value::as_array).into_iter().flatten() {
        let name = text(tag.get("name"));
        let about = escaped(text(tag.get("description")));
        push(&mut page, format_args!("<h2 id=\"{0}\">{0}</h2><p>{about}</p>", escaped(name)));
        add_operations(&mut page, document, name);
    }
    add_codes(&mut page);
    page
}

fn add_operations(page: &mut String, document: &Value, tag: &str) {
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tags = operation.get("tags").and_then(Value::as_array);
            if tags.is_some_and(|tags| tags.iter().any(|one| one == tag)) {
                add_operation(page, path, method, operation);
            }
        }
    }
}

fn add_operation(page: &mut String, path: &str, method: &str, operation: &Value) {
    let needs = operation
        .pointer("/security/0/token/0")
        .map_or_else(|| "open to all".to_owned(), |scope| format!("needs <code>{}</code>", escaped(text(Some(scope)))));
    let (method, path) = (method.to_uppercase(), escaped(path));
    let summary = escaped(text(operation.get("summary")));
    push(
        page,
        format_args!("<h3><code>{method} {path}</code></h3><div>{summary}</div><div class=\"needs\">{needs}</div>"),
    );
    if let Some(description) = operation.get("description").and_then(Value::as_str) {
        push(page, format_args!("<p>{}</p>", escaped(description)));
    }
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let mut rows = String::new();
    for parameter in parameters.into_iter().flatten().filter(|parameter| parameter["in"] != "path") {
        let required = if parameter["required"] == true { ", required" } else { "" };
        let (place, about) = (escaped(text(parameter.get("in"))), escaped(text(parameter.get("description"))));
        let name = escaped(text(parameter.get("name")));
        push(&mut rows, format_args!("<tr><td><code>{name}</code><td>{place}{required}<td>{about}"));
    }
    if !rows.is_empty() {
        push(page, format_args!("<table>{rows}</table>"));
    }
}

fn add_codes(page: &mut String) {
    page.push_str("<h2 id=\"problems\">problems</h2><table><tr><th>code<th>status<th>means<th>again?");
    for code in Code::ALL {
        let again = if code.is_retryable() { "may succeed later" } else { "" };
        let (name, status, title) = (code.as_str(), code.status().as_u16(), code.title());
        push(page, format_args!("<tr id=\"{name}\"><td><code>{name}</code><td>{status}<td>{title}<td>{again}"));
    }
    page.push_str("</table></html>");
}

/// Writing into a text cannot fail.
fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// A text in the place of content or of an attribute's value.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
