//! How a connection to a server is encrypted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of TLS is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// Never encrypted.
    Disable,
    /// Encrypted where the server offers it, without looking at its certificate.
    #[default]
    Prefer,
    /// Encrypted or refused, without looking at the certificate.
    Require,
    /// Encrypted, with a certificate that a trusted authority issued for this host.
    VerifyFull,
}

impl TlsMode {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyFull => "verify_full",
        }
    }
}

/// The `tls` setting: a mode alone, or a mode with the file of the authority to trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Tls {
    /// A mode; `verify_full` trusts the authorities of the operating system.
    Mode(TlsMode),
    /// A mode and a PEM file of authorities.
    Authority {
        /// How much of TLS is asked for.
        mode: TlsMode,
        /// Path of a PEM file; relative paths are relative to the sync file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca: Option<String>,
    },
}

impl Tls {
    /// How much of TLS is asked for.
    pub fn mode(&self) -> TlsMode {
        match self {
            Self::Mode(mode) | Self::Authority { mode, .. } => *mode,
        }
    }

    /// Path of a PEM file with the authorities to trust, if one is named.
    pub fn ca(&self) -> Option<&str> {
        match self {
            Self::Mode(_) => None,
            Self::Authority { ca, .. } => ca.as_deref(),
        }
    }
}
