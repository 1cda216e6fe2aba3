//! The connectors' suite against systems in memory, every flavour of them.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::Value;
use pinksync_engine::conformance::connector::{self, Edit, Harness, Promises, Table};
use pinksync_engine::connector::System;
use pinksync_engine::memory::{Flavour, MemorySystem, at_most, upper_case};

struct MemoryHarness(MemorySystem);

impl MemoryHarness {
    fn new(flavour: Flavour) -> Self {
        Self(MemorySystem::with_flavour("conformance", flavour))
    }
}

#[async_trait]
impl Harness for MemoryHarness {
    fn promises(&self) -> Promises {
        Promises::ALL
    }

    async fn open(&self) -> Arc<dyn System> {
        self.0.side()
    }

    async fn make(&self, table: &Table) -> String {
        let (schema, name) = (table.schema.clone(), table.schema.name.clone());
        let column = |name: &str| schema.columns.iter().position(|column| column.name == name).unwrap();
        self.0.create_table(schema.clone());
        if let Some((name_of, limit)) = &table.at_most {
            self.0.set_check(&name, at_most(column(name_of), *limit));
        }
        if let Some(name_of) = &table.upper_case {
            self.0.set_transform(&name, upper_case(column(name_of)));
        }
        for row in &table.rows {
            self.0.put(&name, row.clone());
        }
        name
    }

    async fn rows(&self, name: &str, _table: &Table) -> Vec<Vec<Value>> {
        self.0.rows(name).into_values().collect()
    }

    async fn edit(&self, name: &str, _table: &Table, edit: Edit) {
        match edit {
            Edit::Put(row) => self.0.put(name, row),
            Edit::Remove(key) => assert!(self.0.remove(name, &key), "no such row"),
        }
    }
}

#[tokio::test]
async fn a_database_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::DATABASE)).await;
}

#[tokio::test]
async fn a_database_that_locks_and_compares_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::LOCKING)).await;
}

#[tokio::test]
async fn an_unordered_database_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::UNORDERED)).await;
}

#[tokio::test]
async fn a_file_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::FILE)).await;
}

#[tokio::test]
async fn an_api_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::API)).await;
}
