//! Who calls, and what they may: API keys, the short tokens they are traded for, and what ends both.

mod api_key;
mod permission;
mod revocation;
mod token;
mod verifier;

pub use api_key::{ApiKey, InvalidApiKey};
pub use permission::{Permission, Permissions, UnknownPermission};
pub use revocation::{KeyStates, Refused};
pub use token::{Claims, TOKEN_LIFETIME, TokenError, TokenKeys};
pub use verifier::{DEFAULT_COST, Verifier, VerifyError};
