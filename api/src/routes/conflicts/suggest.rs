//! What speaks for one side of a conflict: who changed what since both sides agreed, and the strategy of the sync.

use std::collections::HashMap;

use pinksync_model::{Choice, Side};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A record by field names; None where it is absent.
type Version = Option<Map<String, Value>>;

/// One field of a conflict's record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldView {
    name: String,
    #[schema(value_type = Value)]
    base: Value,
    #[schema(value_type = Value)]
    source: Value,
    #[schema(value_type = Value)]
    target: Value,
    /// `source`, `target` or `both`; null where neither did, or where that is not known.
    changed_by: Option<&'static str>,
    /// The side whose value may be taken: `source` or `target`.
    #[schema(value_type = Option<String>)]
    suggestion: Option<Side>,
    why: &'static str,
}

/// What may be sent to `resolve`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Suggestion {
    /// `source`, `target`, `value` or `skip`.
    #[schema(value_type = String)]
    choice: Choice,
    /// Of the choice `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    value: Option<Map<String, Value>>,
    why: &'static str,
}

/// What the sync says of conflicts in one of its datasets.
#[derive(Debug, Default)]
pub struct Rules {
    strategy: String,
    fields: HashMap<String, String>,
}

impl Rules {
    /// As the document of the sync has them.
    pub fn of(definition: &Value, dataset: &str) -> Self {
        let word = |value: &Value| value.as_str().map(str::to_owned);
        let datasets = definition["datasets"].as_array().into_iter().flatten();
        let own = datasets.into_iter().find(|one| one["source"] == dataset);
        let fields = own.and_then(|own| own["fields"].as_object()).into_iter().flatten();
        Self {
            strategy: word(&definition["strategy"]).unwrap_or_default(),
            fields: fields.filter_map(|(name, rule)| Some((name.clone(), word(&rule["strategy"])?))).collect(),
        }
    }

    /// The side that a strategy is for by itself, and why.
    fn judge(&self, field: Option<&str>) -> (Option<Side>, &'static str) {
        let own = field.and_then(|name| self.fields.get(name));
        match own.unwrap_or(&self.strategy).as_str() {
            "source_wins" => (Some(Side::Source), "the strategy is that the source wins"),
            "target_wins" => (Some(Side::Target), "the strategy is that the target wins"),
            "newest_wins" => (None, "both changed it, and which is newer is not known"),
            _ => (None, "both changed it, and a person decides"),
        }
    }
}

/// The record field by field; `versions`: base, source, target.
pub fn fields(rules: &Rules, versions: &[Version; 3]) -> Vec<FieldView> {
    let mut names: Vec<&String> = Vec::new();
    for name in versions.iter().flatten().flat_map(Map::keys) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let [base, source, target] = versions;
    let value = |version: &Version, name: &str| version.as_ref().and_then(|one| one.get(name)).cloned();
    names
        .into_iter()
        .map(|name| {
            let (changed_by, (suggestion, why)) = match (source, target) {
                (Some(source), Some(target)) => {
                    of_field(rules, name, base.as_ref(), source.get(name), target.get(name))
                }
                (Some(_), None) | (None, Some(_)) | (None, None) => (None, (None, "one side has no such record")),
            };
            let [base, source, target] = versions.each_ref().map(|one| value(one, name).unwrap_or_default());
            FieldView { name: name.clone(), base, source, target, changed_by, suggestion, why }
        })
        .collect()
}

fn of_field(
    rules: &Rules,
    name: &str,
    base: Option<&Map<String, Value>>,
    source: Option<&Value>,
    target: Option<&Value>,
) -> (Option<&'static str>, (Option<Side>, &'static str)) {
    let equal = source == target;
    let Some(base) = base else {
        let judged = if equal { (None, "both sides hold the same") } else { rules.judge(Some(name)) };
        return (None, judged);
    };
    match (source != base.get(name), target != base.get(name)) {
        (false, false) => (None, (None, "neither side changed it")),
        (true, false) => (Some("source"), (Some(Side::Source), "only the source changed it")),
        (false, true) => (Some("target"), (Some(Side::Target), "only the target changed it")),
        (true, true) if equal => (Some("both"), (None, "both sides hold the same")),
        (true, true) => (Some("both"), rules.judge(Some(name))),
    }
}

/// What may be decided about the whole record.
pub fn suggestion(rules: &Rules, versions: &[Version; 3], fields: &[FieldView]) -> Option<Suggestion> {
    let of_side = |side: Side, why| {
        let choice = match side {
            Side::Source => Choice::Source,
            Side::Target => Choice::Target,
        };
        Suggestion { choice, value: None, why }
    };
    let [_, Some(_), Some(_)] = versions else {
        let (side, why) = rules.judge(None);
        return side.map(|side| of_side(side, why));
    };
    let differing: Vec<&FieldView> = fields.iter().filter(|field| field.source != field.target).collect();
    let Some(first) = differing.first() else {
        return Some(Suggestion { choice: Choice::Skip, value: None, why: "both sides hold the same" });
    };
    let sides = differing.iter().map(|field| field.suggestion).collect::<Option<Vec<Side>>>()?;
    if sides.iter().all(|side| *side == sides[0]) {
        let why = if differing.iter().all(|field| field.why == first.why) {
            first.why
        } else {
            "all that differs speaks for this side"
        };
        return Some(of_side(sides[0], why));
    }
    // Laid over what the source holds.
    let from_target = differing.iter().filter(|field| field.suggestion == Some(Side::Target));
    let value = from_target.map(|field| (field.name.clone(), field.target.clone())).collect();
    Some(Suggestion { choice: Choice::Value, value: Some(value), why: "the sides changed different fields" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(strategy: &str, base: Value, source: Value, target: Value) -> (Vec<FieldView>, Option<Suggestion>) {
        let definition = json!({"strategy": strategy, "datasets": [
            {"source": "shop", "fields": {"price": {"to": "amount", "strategy": "source_wins"}, "name": "title"}},
        ]});
        let rules = Rules::of(&definition, "shop");
        let versions = [base, source, target].map(|one| one.as_object().cloned());
        let fields = fields(&rules, &versions);
        let suggestion = suggestion(&rules, &versions, &fields);
        (fields, suggestion)
    }

    fn choice(strategy: &str, base: Value, source: Value, target: Value) -> Option<Choice> {
        look(strategy, base, source, target).1.map(|suggestion| suggestion.choice)
    }

    #[test]
    fn the_side_that_alone_changed_something_is_suggested() {
        let (fields, suggestion) =
            look("manual", json!({"id": 1, "name": "a"}), json!({"id": 1, "name": "b"}), json!({"id": 1, "name": "a"}));
        assert_eq!((fields[1].changed_by, fields[1].suggestion), (Some("source"), Some(Side::Source)));
        assert_eq!(suggestion.map(|one| (one.choice, one.why)), Some((Choice::Source, "only the source changed it")));
    }

    #[test]
    fn different_fields_changed_by_different_sides_are_put_together() {
        let (_, suggestion) = look("manual", json!({"a": 1, "b": 1}), json!({"a": 2, "b": 1}), json!({"a": 1, "b": 3}));
        let suggestion = suggestion.unwrap();
        assert_eq!((suggestion.choice, suggestion.value.map(Value::from)), (Choice::Value, Some(json!({"b": 3}))));
    }

    #[test]
    fn what_both_changed_is_left_to_the_strategy_of_the_field_or_the_sync() {
        let versions = |name: &str| (json!({name: 1}), json!({name: 2}), json!({name: 3}));
        for (strategy, name, wanted) in [
            ("manual", "name", None),
            ("newest_wins", "name", None),
            ("target_wins", "name", Some(Choice::Target)),
            ("target_wins", "price", Some(Choice::Source)),
        ] {
            let (base, source, target) = versions(name);
            assert_eq!(choice(strategy, base, source, target), wanted, "{strategy} {name}");
        }
        assert_eq!(choice("manual", json!({"a": 1}), json!({"a": 2}), json!({"a": 2})), Some(Choice::Skip));
        assert_eq!(choice("manual", Value::Null, json!({"a": 2}), json!({"a": 3})), None);
        assert_eq!(choice("source_wins", json!({"a": 1}), Value::Null, json!({"a": 3})), Some(Choice::Source));
    }
}
