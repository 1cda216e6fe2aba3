//! Prints the JSON Schema of a sync file:
//! `cargo run -p pinksync-model --example sync_file_schema > model/sync-file.schema.json`

use pinksync_model::SyncDefinition;

fn main() {
    println!("{:#}", SyncDefinition::json_schema());
}
