//! HTTPS by rustls, and nothing else on that port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pinksync_common::settings::TlsFiles;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use super::service::with_https_service;

const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A certificate for localhost that signs itself.
fn certificate(folder: &Path) -> TlsFiles {
    let files = TlsFiles { certificate: folder.join("server.crt"), key: folder.join("server.key") };
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(&files.key).arg("-out").arg(&files.certificate);
    let made = openssl.output().expect("openssl makes the certificate of this test");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    files
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn over_tls(address: SocketAddr, certificate: &Path) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut socket = connect(address);
    let mut stream = Stream::new(&mut connection, &mut socket);
    stream.write_all(REQUEST).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn https_is_spoken_and_plain_http_is_not_understood() {
    // Fails only where a provider is installed already, which is as good.
    let _ = aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path());
    with_https_service(files.clone(), move |service| async move {
        let address = service.address;
        let answer = tokio::task::spawn_blocking(move || over_tls(address, &files.certificate)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
        let plain = tokio::task::spawn_blocking(move || {
            let (mut socket, mut answer) = (connect(address), Vec::new());
            socket.write_all(REQUEST).unwrap();
            // It hangs up, which may be seen as an error.
            let _ = socket.read_to_end(&mut answer);
            answer
        });
        assert!(!plain.await.unwrap().starts_with(b"HTTP/"));
    })
    .await;
}
