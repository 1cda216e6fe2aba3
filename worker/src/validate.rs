//! Looks at both sides of a saved sync without reading records: whether a session could begin.

use std::collections::BTreeSet;
use std::sync::Arc;

use pinksync_common::ids::AccountId;
use pinksync_common::request::Validate;
use pinksync_common::store::Result;
use pinksync_engine::home::Home;
use pinksync_engine::segment::Limits;
use pinksync_engine::session::{self, Observer, Session, Stop};
use pinksync_model::{DatasetReport, Phase, SessionId};
use serde_json::{Value, json};

use crate::definition;
use crate::home::{JournalView, PgHome, Scope};
use crate::service::Service;

/// Nobody is told how looking goes on.
struct Nobody;

impl Observer for Nobody {
    fn phase(&self, _: &str, _: Phase) {}

    fn advanced(&self, _: &str, _: usize, _: usize, _: &DatasetReport) {}
}

pub async fn run(service: &Service, account: AccountId, asked: Validate) -> Result<pinksync_engine::Result<Value>> {
    let definition = match definition::load(service, account, asked.sync, asked.revision).await? {
        Ok(definition) => definition,
        Err(error) => return Ok(Err(error)),
    };
    let (source, target) = match definition::open(service, &definition, "pinksync validate").await {
        Ok(sides) => sides,
        Err(error) => return Ok(Err(error)),
    };
    let scope = Scope { account, sync: asked.sync, fence: None, journal: JournalView::Sync };
    let session = Session {
        id: SessionId::new(),
        definition: Arc::new(definition),
        source,
        target,
        home: Arc::new(PgHome::new(service.pool.clone(), scope)) as Arc<dyn Home>,
        allowed: BTreeSet::new(),
        workers: 1,
        limits: Limits::default(),
        observer: Arc::new(Nobody),
        stop: Stop::default(),
        plan: None,
    };
    Ok(look(&session).await)
}

async fn look(session: &Session) -> pinksync_engine::Result<Value> {
    let mut datasets = Vec::new();
    for prepared in session::prepare_survey(session).await? {
        let (name, fields) = (prepared.mapping.name.clone(), prepared.mapping.fields.clone());
        let warnings = prepared.mapping.warnings.clone();
        session::open_pair(session, prepared).await?;
        let (source, target) = name.split_once(" → ").unwrap_or((&name, &name));
        datasets.push(json!({"source": source, "target": target, "fields": fields, "warnings": warnings}));
    }
    Ok(json!({"valid": true, "datasets": datasets}))
}
