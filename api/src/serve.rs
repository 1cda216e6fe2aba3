//! Serves the router until it is told to stop: by HTTPS, or by plain HTTP where that stays within this machine or was asked
//! for by name.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use pinksync_common::settings::TlsFiles;
use tokio_util::sync::CancellationToken;

/// How long requests at work may take to end once the service stops.
const GRACE: Duration = Duration::from_secs(20);

/// How long a new connection may take to send its first request, and any connection to send the head of one.
const HEAD_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the address cannot be listened on")]
    Listen(#[source] std::io::Error),
    #[error("certificate or key cannot be used")]
    Certificate(#[source] std::io::Error),
    #[error("the server broke off")]
    Stopped(#[source] std::io::Error),
}

/// Serves on a listener, which the caller has bound, until `stop`; requests at work may then end. Without `tls`, by plain
/// HTTP.
///
/// # Errors
/// The certificate cannot be used, or the listener breaks.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    tls: Option<&TlsFiles>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let handle = Handle::new();
    let served = async {
        let service = router.into_make_service();
        match tls {
            None => {
                let server = axum_server::from_tcp(listener).map_err(ServeError::Listen)?;
                bounded(server, &handle).serve(service).await.map_err(ServeError::Stopped)
            }
            Some(TlsFiles { certificate, key }) => {
                let config = RustlsConfig::from_pem_file(certificate, key).await.map_err(ServeError::Certificate)?;
                let server = axum_server::from_tcp_rustls(listener, config).map_err(ServeError::Listen)?;
                bounded(server, &handle).serve(service).await.map_err(ServeError::Stopped)
            }
        }
    };
    let stopping = async {
        stop.cancelled().await;
        handle.graceful_shutdown(Some(GRACE));
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        ended = served => ended,
        never = stopping => match never {},
    }
}

/// A client that sends nothing holds no connection for long.
fn bounded<A>(mut server: Server<SocketAddr, A>, handle: &Handle<SocketAddr>) -> Server<SocketAddr, A> {
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    server.handle(handle.clone()).first_request_timeout(HEAD_WITHIN)
}
