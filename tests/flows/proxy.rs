//! A TCP proxy that breaks every connection at a chosen point, and can be healed.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use pinksync_test_support::Address;

/// When the proxy breaks.
#[derive(Debug, Clone)]
pub enum Cut {
    Never,
    /// After so many bytes in both directions together.
    After(u64),
    /// Right before a client's n-th message with this text (from 0) would be passed on.
    Before(&'static str, u64),
    /// Right after it was passed on: the server acts, and its answer is lost.
    Behind(&'static str, u64),
}

/// Between a client and a server. Stops listening when it is dropped.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    cut: Cut,
    bytes: u64,
    broken: bool,
    /// Clients that came while it was broken.
    turned_away: u32,
    closed: bool,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// Listens on a port of its own and passes on to `upstream`.
    pub fn start(upstream: String, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            cut,
            bytes: 0,
            broken: false,
            turned_away: 0,
            closed: false,
            open: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                {
                    let mut state = shared.lock().unwrap();
                    if state.closed {
                        return;
                    }
                    if state.broken {
                        state.turned_away += 1;
                        continue;
                    }
                }
                connect(client, &upstream, &shared);
            }
        });
        Self { address, state }
    }

    /// The URL of a server, by way of this proxy and without a cipher, so that messages can be told apart.
    pub fn url(&self, url: &str) -> String {
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        let mut here = Address { host, port, ..Address::of(url) };
        let elsewhere = ["sslmode=", "sslrootcert=", "host=", "hostaddr=", "port="];
        here.settings.retain(|setting| !elsewhere.iter().any(|name| setting.starts_with(name)));
        here.settings.push("sslmode=disable".to_owned());
        here.to_string()
    }

    /// Bytes passed so far.
    pub fn bytes(&self) -> u64 {
        self.state.lock().unwrap().bytes
    }

    /// Clients that came in vain since it broke.
    pub fn turned_away(&self) -> u32 {
        self.state.lock().unwrap().turned_away
    }

    /// Whether the cut has happened.
    pub fn broken(&self) -> bool {
        self.state.lock().unwrap().broken
    }

    /// Passes everything on from now on.
    pub fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        state.cut = Cut::Never;
        state.broken = false;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.lock().unwrap().closed = true;
        // The listener looks up when somebody calls.
        drop(TcpStream::connect(self.address));
    }
}

/// `host:port` of a URL.
pub fn host(url: &str) -> String {
    let Address { host, port, .. } = Address::of(url);
    format!("{host}:{port}")
}

fn connect(client: TcpStream, upstream: &str, state: &Arc<Mutex<State>>) {
    let server = TcpStream::connect(upstream).unwrap();
    state.lock().unwrap().open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    for (from, to, asks) in [(&client, &server, true), (&server, &client, false)] {
        let (from, to, state) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(state));
        std::thread::spawn(move || pass(from, to, asks, &state));
    }
}

/// One direction of a connection, until either end closes or the proxy breaks.
fn pass(mut from: TcpStream, mut to: TcpStream, asks: bool, state: &Mutex<State>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        // The lock is held while writing, so that nothing slips through beside a cut.
        let mut state = state.lock().unwrap();
        if state.broken {
            break;
        }
        let (first, last) = state.due(&buffer[..read], asks);
        if first || to.write_all(&buffer[..read]).is_err() || last {
            if first || last {
                state.break_all(if last { Some(&to) } else { None });
            }
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

impl State {
    /// Whether to break before or behind this message.
    fn due(&mut self, message: &[u8], asks: bool) -> (bool, bool) {
        self.bytes += message.len() as u64;
        let has = |text: &str| asks && message.windows(text.len()).any(|part| part == text.as_bytes());
        match &mut self.cut {
            Cut::After(bytes) => (self.bytes > *bytes, false),
            Cut::Before(text, left) | Cut::Behind(text, left) if has(text) && *left > 0 => {
                *left -= 1;
                (false, false)
            }
            Cut::Before(text, _) => (has(text), false),
            Cut::Behind(text, _) => (false, has(text)),
            Cut::Never => (false, false),
        }
    }

    /// Ends every connection. The server that got the last message closes by itself once it has acted on it.
    fn break_all(&mut self, acting: Option<&TcpStream>) {
        self.broken = true;
        let acting = acting.and_then(|stream| stream.local_addr().ok());
        for stream in self.open.drain(..) {
            let how = if stream.local_addr().ok() == acting { Shutdown::Write } else { Shutdown::Both };
            let _ = stream.shutdown(how);
        }
    }
}
