//! A schema for the suite, looked at and edited by a connection of its own.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::Value;
use pinksync_engine::conformance::connector::{self, Edit, Promises, Table, from_text, to_text};
use pinksync_engine::connector::System;
use pinksync_engine::schema::FieldType;
use tokio_postgres::SimpleQueryMessage;

use super::setup::{Place, server_url, system};

pub struct Harness {
    place: Place,
    /// Tables are partitioned by the hash of their key.
    partitioned: bool,
}

impl Harness {
    pub async fn new(schema: &str, partitioned: bool) -> Self {
        Self { place: Place::new(schema, "").await, partitioned }
    }

    fn create(&self, table: &Table) -> String {
        let schema = &table.schema;
        let mut parts: Vec<String> = schema
            .columns
            .iter()
            .map(|column| {
                let in_key = schema.primary_key.contains(&column.name);
                let not_null = if column.nullable { "" } else { " NOT NULL" };
                format!("\"{}\" {}{not_null}", column.name, declared(&column.ty, in_key))
            })
            .collect();
        parts.push(format!("PRIMARY KEY ({})", schema.primary_key.join(", ")));
        if let Some((column, most)) = &table.at_most {
            parts.push(format!("CHECK ({column} <= {most})"));
        }
        let other_keys = schema.unique_keys.iter().filter(|key| **key != schema.primary_key);
        let unique: Vec<String> = other_keys.map(|key| format!("UNIQUE ({})", key.join(", "))).collect();
        // A unique constraint of a partitioned table must hold the key that it is partitioned by.
        let partitioned = self.partitioned && unique.is_empty();
        parts.extend(unique);
        let name = &schema.name;
        let plain = format!("DROP TABLE IF EXISTS {name} CASCADE; CREATE TABLE {name} ({})", parts.join(", "));
        match partitioned {
            false => plain,
            true => format!(
                "{plain} PARTITION BY HASH ({0});
                 CREATE TABLE {name}_0 PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER 0);
                 CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
                schema.primary_key.join(", ")
            ),
        }
    }

    async fn put(&self, table: &Table, row: &[Value]) {
        let names: Vec<String> = table.schema.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let literals: Vec<String> = row
            .iter()
            .zip(&table.schema.columns)
            .map(|(value, column)| match to_text(value, &column.ty) {
                Some(text) => format!("'{}'::{}", text.replace('\'', "''"), declared(&column.ty, false)),
                None => "NULL".to_owned(),
            })
            .collect();
        let set: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        let statement = format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
            table.schema.name,
            names.join(", "),
            literals.join(", "),
            table.schema.primary_key.join(", "),
            set.join(", ")
        );
        self.place.run(&statement).await;
    }
}

fn declared(ty: &FieldType, in_key: bool) -> String {
    match ty {
        FieldType::Bool => "boolean".to_owned(),
        FieldType::Int { bits: 16 } => "smallint".to_owned(),
        FieldType::Int { bits: 32 } => "integer".to_owned(),
        FieldType::Int { .. } => "bigint".to_owned(),
        FieldType::Float { .. } => "float8".to_owned(),
        FieldType::Decimal { precision: Some(precision), scale } => {
            format!("numeric({precision},{})", scale.unwrap_or(0))
        }
        FieldType::Decimal { .. } => "numeric".to_owned(),
        FieldType::Bytes => "bytea".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Time { .. } => "time".to_owned(),
        FieldType::Timestamp { .. } => "timestamp".to_owned(),
        FieldType::Instant { .. } => "timestamptz".to_owned(),
        FieldType::Uuid => "uuid".to_owned(),
        FieldType::Json => "jsonb".to_owned(),
        FieldType::Text { .. } | FieldType::Native { .. } if in_key => "text COLLATE \"C\"".to_owned(),
        FieldType::Text { .. } | FieldType::Native { .. } => "text".to_owned(),
    }
}

#[async_trait]
impl connector::Harness for Harness {
    fn promises(&self) -> Promises {
        Promises::ALL
    }

    async fn open(&self) -> Arc<dyn System> {
        system(&server_url())
    }

    async fn make(&self, table: &Table) -> String {
        self.place.run(&self.create(table)).await;
        if let Some(column) = &table.upper_case {
            let name = &table.schema.name;
            let trigger = format!(
                "CREATE OR REPLACE FUNCTION {name}_upper() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN NEW.{column} := upper(NEW.{column}); RETURN NEW; END $$;
                 CREATE TRIGGER up BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION {name}_upper()"
            );
            self.place.run(&trigger).await;
        }
        for row in &table.rows {
            self.put(table, row).await;
        }
        format!("{}.{}", self.place.schema, table.schema.name)
    }

    async fn rows(&self, name: &str, table: &Table) -> Vec<Vec<Value>> {
        let columns: Vec<String> =
            table.schema.columns.iter().map(|column| format!("\"{}\"::text", column.name)).collect();
        let statement = format!("SELECT {} FROM {name}", columns.join(", "));
        let messages = self.place.other.simple_query(&statement).await.unwrap();
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => {
                let value = |(index, column): (usize, &pinksync_engine::schema::ColumnSchema)| {
                    from_text(row.get(index), &column.ty)
                };
                Some(table.schema.columns.iter().enumerate().map(value).collect())
            }
            _ => None,
        };
        messages.into_iter().filter_map(row).collect()
    }

    async fn edit(&self, name: &str, table: &Table, edit: Edit) {
        match edit {
            Edit::Put(row) => self.put(table, &row).await,
            Edit::Remove(key) => {
                let conditions: Vec<String> = key
                    .iter()
                    .zip(&table.schema.primary_key)
                    .map(|(value, column)| {
                        let ty = &table.schema.column(column).unwrap().ty;
                        let text = to_text(value, ty).unwrap();
                        format!("{column} = '{}'::{}", text.replace('\'', "''"), declared(ty, false))
                    })
                    .collect();
                self.place.run(&format!("DELETE FROM {name} WHERE {}", conditions.join(" AND "))).await;
            }
        }
    }
}
