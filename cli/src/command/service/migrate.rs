//! `pinksync migrate`

use clap::Args;
use pinksync_common::settings::Role;
use pinksync_common::store;
use serde_json::json;
use tokio_postgres::Config;

use super::start;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Brings the metadata database to the shape of this version; processes refuse to start on an older one
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  PINKSYNC_DATABASE_URL=postgres://… pinksync migrate\n  pinksync migrate --check")]
pub struct Migrate {
    /// Only says what would be applied; exit code 10 if there is something
    #[arg(long)]
    check: bool,
}

impl Migrate {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let settings = start::settings(Role::Database)?;
        let failed = |error: store::StoreError| {
            Failure::failed("the database cannot be migrated")
                .because(&error)
                .help("check PINKSYNC_DATABASE_URL, and that its user may create tables")
        };
        if self.check {
            let pool = start::pool(&settings, "pinksync migrate")?;
            let pending = async { store::pending(&pool.get().await?).await }.await.map_err(failed)?;
            tell(context, "pending", &pending);
            return Ok(if pending.is_empty() { Exit::Done } else { Exit::Differs });
        }
        let database = &settings.database;
        let unusable = |error: tokio_postgres::Error| failed(error.into());
        let config: Config = database.url.expose().parse().map_err(unusable)?;
        let tls = store::tls(database.authority.as_deref()).map_err(failed)?;
        let (mut client, connection) = config.connect(tls).await.map_err(unusable)?;
        let connected = tokio::spawn(connection);
        let applied = store::migrate(&mut client).await.map_err(failed)?;
        drop(client);
        if let Ok(Err(error)) = connected.await {
            return Err(unusable(error));
        }
        tell(context, "applied", &applied);
        Ok(Exit::Done)
    }
}

fn tell(context: &Context, what: &str, migrations: &[store::Migration]) {
    if context.json() {
        for migration in migrations {
            context.output.json(&json!({"number": migration.number, "name": migration.name, "status": what}));
        }
        return;
    }
    if migrations.is_empty() {
        context.output.line("the database is up to date");
    }
    for migration in migrations {
        context.output.line(format_args!("{what}: {}", migration.name));
    }
}
