//! Prints the OpenAPI document: `cargo run -p pinksync-api --example openapi`.

fn main() -> Result<(), pinksync_api::AssemblyError> {
    println!("{:#}", pinksync_api::document()?);
    Ok(())
}
