//! The reference as one HTML page, made from the description: what it says is what is served.

use std::fmt::Write;

use serde_json::Value;

/// How deep the fields of fields are shown; what lies deeper has a name and its own place.
const DEPTH: usize = 3;

/// The whole page.
pub(super) fn of(document: &Value) -> String {
    let operations = operations(document);
    let mut tags: Vec<&str> = Vec::new();
    for operation in &operations {
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
    }
    let (mut menu, mut main) = (String::new(), String::new());
    for tag in tags {
        let _ = write!(menu, "<h2>{0}</h2><ul>", safe(tag));
        let _ = write!(main, "<section><h2 id=\"{0}\">{0}</h2>", safe(tag));
        for operation in operations.iter().filter(|operation| operation.tag == tag) {
            let (id, method, path) = (safe(operation.id), safe(&operation.method), safe(operation.path));
            let short = path.strip_prefix("/api/v1").unwrap_or(&path);
            let _ = write!(menu, "<li><a href=\"#{id}\"><b class=\"{method}\">{method}</b> {short}</a></li>");
            operation.write(&mut main, document);
        }
        menu.push_str("</ul>");
        main.push_str("</section>");
    }
    let (title, about) = (text(document, "/info/title"), text(document, "/info/description"));
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0} API</title><style>{STYLE}</style><nav aria-label=\"Operations\">{menu}</nav><main><h1>{0} API</h1><p>{1}</p>\
         <p>The same for programs: <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI 3.1).</p>{main}</main></html>",
        safe(title),
        safe(about)
    )
}

struct Operation<'a> {
    tag: &'a str,
    id: &'a str,
    method: String,
    path: &'a str,
    value: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, value)| Operation {
            tag: text(value, "/tags/0"),
            id: text(value, "/operationId"),
            method: method.to_uppercase(),
            path,
            value,
        })
    });
    all.collect()
}

impl Operation<'_> {
    fn write(&self, page: &mut String, document: &Value) {
        let (id, method, path) = (safe(self.id), safe(&self.method), safe(self.path));
        let _ = write!(
            page,
            "<article id=\"{id}\"><h3><b class=\"{method}\">{method}</b> <code>{path}</code></h3><p>{} {}</p>",
            safe(text(self.value, "/summary")),
            safe(text(self.value, "/description"))
        );
        self.write_parameters(page, document);
        for (media, content) in self.value["requestBody"]["content"].as_object().into_iter().flatten() {
            let _ = write!(page, "<h4>Body <small>{}</small></h4>", safe(media));
            write_schema(page, document, &content["schema"], 0);
        }
        for (status, answer) in self.value["responses"].as_object().into_iter().flatten() {
            self.write_answer(page, document, status, answer);
        }
        page.push_str("</article>");
    }

    fn write_parameters(&self, page: &mut String, document: &Value) {
        let Some(parameters) = self.value["parameters"].as_array().filter(|all| !all.is_empty()) else {
            return;
        };
        page.push_str("<h4>Parameters</h4><table>");
        for one in parameters {
            let (name, place) = (safe(text(one, "/name")), safe(text(one, "/in")));
            let schema = followed(document, &one["schema"]);
            let about = [text(one, "/description"), text(schema, "/description")].join(" ");
            let kind = kind(document, &one["schema"]);
            let _ = write!(
                page,
                "<tr><td><code>{name}</code> <small>{place}</small><td>{kind}<td>{}",
                safe(about.trim())
            );
        }
        page.push_str("</table>");
    }

    fn write_answer(&self, page: &mut String, document: &Value, status: &str, answer: &Value) {
        let about = safe(text(answer, "/description"));
        let good = status.starts_with('2');
        let _ = match good {
            true => write!(page, "<details open><summary><b>{}</b> {about}</summary>", safe(status)),
            false => write!(page, "<p class=\"refusal\"><b>{}</b> {about}</p>", safe(status)),
        };
        if good {
            for (media, content) in answer["content"].as_object().into_iter().flatten() {
                let data = content.pointer("/schema/properties/data").unwrap_or(&content["schema"]);
                let _ = write!(page, "<p><small>{}</small></p>", safe(media));
                write_schema(page, document, data, 0);
            }
            page.push_str("</details>");
        }
    }
}

/// The fields of an object, of the objects of a list, or of each choice.
fn write_schema(page: &mut String, document: &Value, schema: &Value, depth: usize) {
    let schema = followed(document, schema);
    if let Some(items) = schema.get("items") {
        return write_schema(page, document, items, depth);
    }
    for part in choices(schema) {
        write_schema(page, document, part, depth);
    }
    let Some(fields) = schema["properties"].as_object().filter(|_| depth < DEPTH) else { return };
    page.push_str("<table>");
    for (name, field) in fields {
        write_field(page, document, schema, (name, field), depth);
    }
    page.push_str("</table>");
}

fn write_field(page: &mut String, document: &Value, of: &Value, (name, field): (&str, &Value), depth: usize) {
    let required = of["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let about = match text(field, "/description") {
        "" => text(followed(document, field), "/description"),
        own => own,
    };
    let mark = if required { " <small>always</small>" } else { "" };
    let _ = write!(
        page,
        "<tr><td><code>{}</code>{mark}<td>{}<td>{}",
        safe(name),
        kind(document, field),
        safe(about)
    );
    write_schema(page, document, field, depth + 1);
}

/// What a value is, in a word or two.
fn kind(document: &Value, schema: &Value) -> String {
    let schema = followed(document, schema);
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> =
            values.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
        return safe(&values.join(" | "));
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", kind(document, items));
    }
    let parts = choices(schema);
    if !parts.is_empty() {
        return parts.iter().map(|part| kind(document, part)).collect::<Vec<_>>().join(" or ");
    }
    let word = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    };
    let bounds = [("minimum", "from"), ("maximum", "to")];
    let bounds: String =
        bounds.iter().filter_map(|(key, word)| Some(format!(" {word} {}", schema.get(key)?))).collect();
    safe(&(word + &bounds))
}

fn choices(schema: &Value) -> Vec<&Value> {
    ["oneOf", "allOf", "anyOf"].iter().filter_map(|key| schema[*key].as_array()).flatten().collect()
}

/// The schema a reference stands for.
fn followed<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let path = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    path.and_then(|path| document.pointer(path)).unwrap_or(schema)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{margin:0;font:15px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:20rem 1fr}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;border-right:1px solid var(--line);box-sizing:border-box}
nav h2{font-size:1rem;margin:1rem 0 .2rem}nav ul{list-style:none;margin:0;padding:0}
nav a{color:inherit;text-decoration:none;display:block;padding:.1rem 0;font-size:.85rem;overflow-wrap:anywhere}nav a:hover,nav a:focus{text-decoration:underline}
main{padding:1rem 2rem;max-width:60rem;min-width:0}article{border-top:1px solid var(--line);padding:.5rem 0 1rem}
table{border-collapse:collapse;width:100%;margin:.3rem 0}td{border-top:1px solid var(--line);padding:.25rem .5rem;vertical-align:top;overflow-wrap:anywhere}
td td{font-size:.95em}code{font-size:.95em}h4{margin:.8rem 0 .2rem}.refusal{margin:.1rem 0;opacity:.8}details{background:var(--soft);padding:.3rem .6rem;border-radius:.3rem;margin:.4rem 0}
b.GET{color:#0a7}b.POST{color:#06c}b.PUT,b.PATCH{color:#a60}b.DELETE{color:#c33}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;max-height:40vh;border:0}main{padding:1rem}}
";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_description_says_is_shown_and_nothing_of_it_is_taken_for_html() {
        let document = json!({
            "info": {"title": "A <b>", "description": "x & y"},
            "paths": {"/api/v1/things/{thingId}": {"get": {
                "tags": ["things"], "operationId": "things_show", "summary": "Shows <script>.",
                "parameters": [{"name": "thingId", "in": "path", "schema": {"$ref": "#/components/schemas/ThingId"}}],
                "responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": {
                    "properties": {"data": {"$ref": "#/components/schemas/Thing"}}}}}}, "404": {"description": "Gone."}},
            }}},
            "components": {"schemas": {
                "ThingId": {"type": "string", "description": "Its id."},
                "Thing": {"type": "object", "required": ["size"], "properties": {
                    "size": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How large."}}},
            }},
        });
        let page = of(&document);
        for shown in [
            "A &lt;b&gt; API",
            "Shows &lt;script&gt;.",
            "/things/{thingId}",
            "Its id.",
            "integer from 1 to 9",
            "How large.",
            "<b>404</b> Gone.",
        ] {
            assert!(page.contains(shown), "{shown} in {page}");
        }
        assert!(!page.contains("<script>"));
    }
}
