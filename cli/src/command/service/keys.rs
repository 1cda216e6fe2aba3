//! `pinksync keys`: API keys, from the operator's shell. The first key of an account is made here.

use clap::{Args, Subcommand};
use pinksync_common::auth::{ApiKey, Permissions, Verifier};
use pinksync_common::ids::ApiKeyId;
use pinksync_common::settings::{Role, Settings};
use pinksync_common::store::accounts::{self, Account};
use pinksync_common::store::api_keys::{self, ApiKeyRow, NewApiKey};
use pinksync_common::store::{Client, StoreError};
use serde_json::json;

use super::rewrap::Rewrap;
use super::start;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  pinksync keys create --account acme --permission sync:read --permission sync:write
  pinksync keys list --account acme
  pinksync keys revoke --account acme ID";

/// API keys of an account: makes, lists and revokes them; and the rotation of the master key
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Keys {
    Create(Create),
    List(List),
    Revoke(Revoke),
    Rewrap(Rewrap),
}

/// Makes a key and prints it, once; makes the account where there is none of that name
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pinksync keys create --account acme --permission admin")]
pub struct Create {
    /// Name of the account
    #[arg(long, value_name = "NAME")]
    account: String,
    /// What the key may do: sync:read, sync:write, conflicts:read, conflicts:write, admin (all of it)
    #[arg(long = "permission", value_name = "PERMISSION", required = true)]
    permissions: Vec<String>,
    /// What the key is called in lists
    #[arg(long, default_value = "first key")]
    name: String,
}

/// Lists the keys of an account, without their secrets
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pinksync keys list --account acme")]
pub struct List {
    #[arg(long, value_name = "NAME")]
    account: String,
}

/// Ends a key, and within seconds its tokens
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pinksync keys revoke --account acme 01990c0e-…")]
pub struct Revoke {
    #[arg(long, value_name = "NAME")]
    account: String,
    /// As `keys list` shows it
    id: ApiKeyId,
}

impl Keys {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Create(create) => create.carry_out(context).await,
            Self::List(list) => list.carry_out(context).await,
            Self::Revoke(revoke) => revoke.carry_out(context).await,
            Self::Rewrap(rewrap) => rewrap.carry_out(context).await,
        }
    }
}

/// The settings, and a connection to the database.
async fn open() -> Result<(Settings, Client), Failure> {
    let settings = start::settings(Role::Database)?;
    let pool = start::pool(&settings, "pinksync keys")?;
    let client = pool.get().await.map_err(|error| failed(error.into()))?;
    Ok((settings, client))
}

fn failed(error: StoreError) -> Failure {
    Failure::failed("the metadata database refused it").because(&error).help(start::DATABASE_HELP)
}

async fn account(client: &Client, name: &str) -> Result<Account, Failure> {
    let found = accounts::find(client, name).await.map_err(failed)?;
    found.ok_or_else(|| {
        Failure::failed(format!("there is no account `{name}`"))
            .help("`pinksync keys create --account NAME …` makes it with its first key")
    })
}

impl Create {
    async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let (settings, client) = open().await?;
        let permissions = Permissions::parse(&self.permissions)
            .map_err(|error| Failure::usage("a permission is not known").because(&error))?;
        let account = accounts::create(&client, &self.account).await.map_err(failed)?;
        let key = make(&client, &settings, &account, &self.name, &permissions).await?;
        if context.json() {
            let text = key.text();
            context.output.json(&json!({"id": key.id, "account": self.account, "api_key": text.expose()}));
        } else {
            context.output.line(key.text().expose());
            context.remark("this is the only time that it is shown; it is exchanged for tokens at /v1/auth/token");
        }
        Ok(Exit::Done)
    }
}

/// Makes a key for an account.
pub async fn make(
    client: &Client,
    settings: &Settings,
    account: &Account,
    name: &str,
    permissions: &Permissions,
) -> Result<ApiKey, Failure> {
    let key = ApiKey::generate(ApiKeyId::new());
    let verifier = Verifier::new(settings.api.bcrypt_cost, 1);
    let unhashed = |error| Failure::failed("the key could not be made").because(&error);
    let secret_hash = verifier.hash(&key).await.map_err(unhashed)?;
    let new =
        NewApiKey { id: key.id, account: account.id, name, secret_hash: &secret_hash, permissions, expires_at: None };
    api_keys::insert(client, new).await.map_err(failed)?;
    Ok(key)
}

impl List {
    async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        const PAGE: i64 = 200;
        let (_, client) = open().await?;
        let account = account(&client, &self.account).await?;
        let mut after = None;
        loop {
            let keys = api_keys::list(&client, account.id, after, PAGE).await.map_err(failed)?;
            for key in &keys {
                tell(context, key);
            }
            match keys.last() {
                Some(last) => after = Some(last.id),
                None => return Ok(Exit::Done),
            }
        }
    }
}

fn tell(context: &Context, key: &ApiKeyRow) {
    let revoked = key.revoked_at.map(|at| at.to_string());
    let permissions = key.permissions.spelled();
    if context.json() {
        let line = json!({
            "id": key.id, "name": key.name, "permissions": permissions, "created_at": key.created_at,
            "last_used_at": key.last_used_at, "revoked_at": revoked,
        });
        context.output.json(&line);
        return;
    }
    let state = if revoked.is_some() { "revoked" } else { "active" };
    context.output.line(format_args!("{}  {state:7}  {}  {}", key.id, key.name, permissions.join(" ")));
}

impl Revoke {
    async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let (_, client) = open().await?;
        let account = account(&client, &self.account).await?;
        match api_keys::revoke(&client, account.id, self.id).await.map_err(failed)? {
            Some(_) => {
                context.remark(format_args!("key {} is revoked; its tokens end within seconds", self.id));
                Ok(Exit::Done)
            }
            None => Err(Failure::failed(format!("account `{}` has no key {}", self.account, self.id))
                .help(format!("`pinksync keys list --account {}` shows those it has", self.account))),
        }
    }
}
