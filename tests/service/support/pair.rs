//! Two PostgreSQL databases with the same table, and how they are synchronised.

use pinksync_test_support::Database;
use serde_json::{Value, json};

pub struct Pair {
    pub source: Database,
    pub target: Database,
}

/// The table of both sides.
const TABLE: &str = "CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL, price numeric(10, 2),
    changed timestamptz NOT NULL DEFAULT '2026-01-01')";

impl Pair {
    /// `count` records in the source, none in the target.
    pub async fn with_items(count: u64) -> Self {
        let (source, target) = tokio::join!(Database::make("source"), Database::make("target"));
        let pair = Self { source, target };
        pair.source.batch(TABLE).await;
        pair.target.batch(TABLE).await;
        fill(&pair.source, 1, count).await;
        pair
    }

    /// One way, source to target.
    pub fn one_way(&self) -> Value {
        self.definition("one_way", "source_wins")
    }

    /// Both ways; the later change wins.
    pub fn two_way(&self) -> Value {
        self.definition("two_way", "newest_wins")
    }

    fn definition(&self, direction: &str, strategy: &str) -> Value {
        json!({
            "direction": direction,
            "strategy": strategy,
            "source": {"type": "postgres", "url": self.source.url},
            "target": {"type": "postgres", "url": self.target.url},
            "datasets": [{"source": "public.items", "target": "public.items", "key": ["id"], "modified_at": "changed"}],
        })
    }

    pub async fn assert_same(&self) {
        let (source, target) = (digest(&self.source, "items").await, digest(&self.target, "items").await);
        assert_eq!(source, target, "the sides differ");
    }
}

/// New records with the ids from `first` on.
pub async fn fill(database: &Database, first: u64, count: u64) {
    let insert = "INSERT INTO items (id, name, price)
        SELECT i, 'item ' || i, (i % 1000) + 0.25 FROM generate_series($1::bigint, $2::bigint) i";
    database.execute(insert, &[&(first as i64), &((first + count) as i64 - 1)]).await;
}

/// Count and content of a table.
pub async fn digest(database: &Database, table: &str) -> String {
    let digest = format!(
        "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"
    );
    database.value(&digest, &[]).await
}
