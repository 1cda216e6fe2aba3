//! TLS towards a server: which authorities are trusted, and the mode in which none is asked for.

use std::path::Path;
use std::sync::Arc;

use pinksync_engine::{Error, ErrorKind, Result};
use pinksync_model::TlsMode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

const OPERATION: &str = "prepare TLS";

/// The connector for a mode. The cryptography is named here: a process-wide default is not relied upon.
pub fn connector(mode: TlsMode, authority: Option<&Path>) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Other, OPERATION, error.to_string()))?;
    let config = match mode {
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth(),
        TlsMode::VerifyFull => builder.with_root_certificates(roots(authority)?).with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn roots(authority: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(path) = authority else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        return match roots.is_empty() {
            true => {
                Err(Error::new(ErrorKind::Definition, OPERATION, "the operating system names no authorities to trust")
                    .with_remedy("name a PEM file: `tls: {mode: verify_full, ca: FILE}`"))
            }
            false => Ok(roots),
        };
    };
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::new(
            ErrorKind::Definition,
            OPERATION,
            format!("{} is not a readable PEM file of certificates: {error}", path.display()),
        )
        .with_remedy("check the path under `tls: {ca: …}`")
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    match roots.is_empty() {
        true => Err(unreadable(&"it holds none")),
        false => Ok(roots),
    }
}

/// Encrypts without asking who is at the other end: the modes `prefer` and `require`.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_without_a_check_need_no_authority() {
        for mode in [TlsMode::Disable, TlsMode::Prefer, TlsMode::Require] {
            assert!(connector(mode, Some(Path::new("/no/such/file"))).is_ok());
        }
    }

    #[test]
    fn a_missing_authority_is_named() {
        let error = connector(TlsMode::VerifyFull, Some(Path::new("/no/such/file"))).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert!(error.message().contains("/no/such/file"));
        let empty = tempfile::NamedTempFile::new().unwrap();
        assert!(connector(TlsMode::VerifyFull, Some(empty.path())).is_err());
    }
}
