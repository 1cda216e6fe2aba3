//! Serves the router until it is told to stop: by HTTPS, or by plain HTTP where that stays within this machine or was asked
//! for by name.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio_util::sync::CancellationToken;

/// How long requests at work may take to end once the service stops.
const GRACE: Duration = Duration::from_secs(20);

/// How long a new connection may take to send its first request, and any connection to send the head of one.
const HEAD_WITHIN: Duration = Duration::from_secs(15);

/// How clients reach the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listening {
    /// HTTPS with a certificate chain and its key, both PEM files.
    Https { certificate: PathBuf, key: PathBuf },
    /// Plain HTTP, on loopback or behind a proxy that speaks HTTPS.
    Http,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the address of the API cannot be listened on")]
    Listen(#[source] std::io::Error),
    #[error("certificate or key of the API cannot be used")]
    Certificate(#[source] std::io::Error),
    #[error("the API stopped")]
    Stopped(#[source] std::io::Error),
}

/// Serves on a listener, which the caller has bound, until `stop`; requests at work are then ended in peace.
///
/// # Errors
/// The certificate cannot be used, or the listener breaks.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    listening: &Listening,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let handle: Handle<SocketAddr> = Handle::new();
    let ending = handle.clone();
    let watch = async move {
        stop.cancelled().await;
        ending.graceful_shutdown(Some(GRACE));
        std::future::pending::<()>().await;
    };
    let service = router.into_make_service();
    let served = async {
        match listening {
            Listening::Http => {
                let mut server = axum_server::from_tcp(listener).map_err(ServeError::Listen)?;
                server.http_builder().http1().header_read_timeout(HEAD_WITHIN).timer(hyper_util::rt::TokioTimer::new());
                let server = server.handle(handle).first_request_timeout(HEAD_WITHIN);
                server.serve(service).await.map_err(ServeError::Stopped)
            }
            Listening::Https { certificate, key } => {
                let config = RustlsConfig::from_pem_file(certificate, key).await.map_err(ServeError::Certificate)?;
                let mut server = axum_server::from_tcp_rustls(listener, config).map_err(ServeError::Listen)?;
                server.http_builder().http1().header_read_timeout(HEAD_WITHIN).timer(hyper_util::rt::TokioTimer::new());
                let server = server.handle(handle).first_request_timeout(HEAD_WITHIN);
                server.serve(service).await.map_err(ServeError::Stopped)
            }
        }
    };
    tokio::select! {
        ended = served => ended,
        () = watch => Ok(()),
    }
}
