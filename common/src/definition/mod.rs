//! Definitions as the service keeps them: documents without their secrets, checked as sync files are, and bound to the
//! places that the operator allows.
//!
//! A connection's document is what stands under `source:` in a sync file, as JSON. A sync's document is a sync file as
//! JSON, in which a side may be `{"connection": NAME_OR_ID}`.

mod assemble;
mod files;
mod fingerprint;
mod keep;
mod network;
mod pointer;
mod public_url;
mod sealed;
mod secrets;

pub use assemble::{assemble, check_connection, named_connections};
pub use files::{ForbiddenPath, allowed_path};
pub use fingerprint::fingerprint;
pub use keep::{Stored, keep_secrets};
pub use network::{HostPolicy, NoAddress};
pub use pointer::pointer;
pub use public_url::public_url;
pub use sealed::{SecretsError, open_secrets, rewrap_secrets, seal_secrets};
pub use secrets::{MASK, Secrets, UnreadableSecrets, join, split};
