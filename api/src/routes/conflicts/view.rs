//! A conflict as it is shown, and field by field with what may be decided.

use pinksync_common::ids::{ConflictId, SessionId, SyncId};
use pinksync_common::store::conflicts::ConflictRow;
use pinksync_common::time::Utc;
use pinksync_model::{ConflictKind, ConflictStatus};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::suggest::{FieldView, Rules, Suggestion, fields, suggestion};

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConflictView {
    #[schema(value_type = Uuid)]
    id: ConflictId,
    #[schema(value_type = Uuid)]
    sync_id: SyncId,
    /// The session that found it.
    #[schema(value_type = Uuid)]
    session_id: SessionId,
    /// By its name on the source.
    dataset: String,
    /// The record's key by field names.
    #[schema(value_type = Object)]
    key: Value,
    /// What the sides did, the source first: `update/update`, `update/delete`, `delete/update`, `create/create`; or
    /// `contended`, which the next session decides afresh.
    #[schema(value_type = String)]
    kind: ConflictKind,
    /// `open`, `resolved`, or `superseded` where both sides became equal.
    #[schema(value_type = String)]
    status: ConflictStatus,
    /// The record as both sides last agreed; null where they never did, or where only hashes are kept.
    #[schema(value_type = Option<Object>)]
    base: Value,
    /// The record on the source when it was found; null where it was absent.
    #[schema(value_type = Option<Object>)]
    source: Value,
    /// The record on the target when it was found; null where it was absent.
    #[schema(value_type = Option<Object>)]
    target: Value,
    decision: Option<String>,
    decided_by: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Utc,
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Utc>,
    /// The session that settled it.
    #[schema(value_type = Option<Uuid>)]
    decided_in: Option<SessionId>,
    /// The session in which a decision on it is being carried out.
    #[schema(value_type = Option<Uuid>)]
    deciding: Option<SessionId>,
    /// One more with each change; the `ETag`.
    pub(super) revision: i64,
}

/// A conflict with all that helps to decide it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConflictDetail {
    #[serde(flatten)]
    conflict: ConflictView,
    fields: Vec<FieldView>,
    /// Null where nothing speaks for one side.
    suggestion: Option<Suggestion>,
}

impl From<ConflictRow> for ConflictView {
    fn from(row: ConflictRow) -> Self {
        let mut shown = row.shown;
        let mut part = |name: &str| shown.get_mut(name).map(Value::take).unwrap_or_default();
        let (key, base, source, target) = (part("key"), part("base"), part("source"), part("target"));
        let dataset = row.dataset.split_once(" → ").map_or(row.dataset.as_str(), |(source, _)| source).to_owned();
        Self {
            id: row.id,
            sync_id: row.sync,
            session_id: row.session,
            dataset,
            key,
            kind: row.kind,
            status: row.status,
            base,
            source,
            target,
            decision: row.decision,
            decided_by: row.decided_by,
            opened_at: row.opened_at,
            decided_at: row.decided_at,
            decided_in: row.decided_in,
            deciding: row.deciding,
            revision: row.revision,
        }
    }
}

impl ConflictDetail {
    /// `definition`: the sync's document.
    pub fn new(conflict: ConflictView, definition: &Value) -> Self {
        let rules = Rules::of(definition, &conflict.dataset);
        let record = |value: &Value| value.as_object().cloned();
        let versions: [Option<Map<String, Value>>; 3] =
            [record(&conflict.base), record(&conflict.source), record(&conflict.target)];
        let fields = fields(&rules, &versions);
        let suggestion = match conflict.status {
            ConflictStatus::Open => suggestion(&rules, &versions, &fields),
            ConflictStatus::Resolved | ConflictStatus::Superseded => None,
        };
        Self { conflict, fields, suggestion }
    }
}
