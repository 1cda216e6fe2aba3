//! A sync file on its way in: its secrets, the connections that it names, and its mistakes.

use pinksync_common::definition::{
    Secrets, SecretsError, Stored, assemble, join, keep_secrets, named_connections, open_secrets, seal_secrets, split,
};
use pinksync_common::ids::{AccountId, ConnectionId, SyncId};
use pinksync_common::sealing::KeyRing;
use pinksync_common::store::{GenericClient, connections};
use serde_json::Value;

use crate::input::check_name;
use crate::problem::{Code, Problem};

/// A definition without mistakes, ready to be saved.
#[derive(Debug)]
pub struct Checked {
    /// Without its secrets.
    pub document: Value,
    pub secrets: Secrets,
    /// Those that it names.
    pub connections: Vec<ConnectionId>,
}

impl Checked {
    /// Its secrets, bound to the sync that it is the definition of.
    ///
    /// # Errors
    /// They cannot be sealed.
    pub fn sealed(&self, ring: &KeyRing, account: AccountId, id: SyncId) -> Result<Option<Vec<u8>>, SecretsError> {
        seal_secrets(ring, account, id.0, &self.secrets)
    }
}

/// Checks a sync file. In a transaction, the connections that it names are there until that ends.
///
/// # Errors
/// All mistakes at once.
pub async fn check(
    client: &impl GenericClient,
    ring: &KeyRing,
    account: AccountId,
    document: Value,
    stored: Option<Stored<'_>>,
) -> Result<Checked, Problem> {
    let document = keep_secrets(document, stored).map_err(|mistakes| Problem::of_mistakes(&mistakes))?;
    let mut named: Vec<(String, ConnectionId, Value)> = Vec::new();
    for name in named_connections(&document) {
        if let Some(row) = connections::named(client, account, name).await? {
            let secrets = open_secrets(ring, account, row.id.0, row.sealed.as_deref())?;
            named.push((name.to_owned(), row.id, join(row.document, &secrets)));
        }
    }
    let lookup = |wanted: &str| named.iter().find(|(name, ..)| name == wanted).map(|(.., document)| document.clone());
    assemble(&document, &lookup).map_err(|mistakes| Problem::of_mistakes(&mistakes))?;
    let connections = named.iter().map(|(_, id, _)| *id).collect();
    let (document, secrets) = split(document);
    Ok(Checked { document, secrets, connections })
}

/// The name of a sync that is to be saved.
///
/// # Errors
/// It has none, or one that is not allowed.
pub fn sync_name(document: &Value) -> Result<&str, Problem> {
    let Some(name) = document.get("name").and_then(Value::as_str) else {
        let problem = Problem::new(Code::InvalidDefinition, "a sync that is saved has a name");
        return Err(problem.at("/name", "there is no name", "add `\"name\": …`"));
    };
    check_name(name)?;
    Ok(name)
}
