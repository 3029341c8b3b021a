//! Somebody else, whom the tester has no reason to visit.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A listener that writes down who came.
#[derive(Clone)]
pub struct Trap {
    /// Where it is.
    pub url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Trap {
    /// Sets it.
    pub fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let trap = Self { url, seen: Arc::default() };
        let seen = trap.seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(head.join("\n"));
                drop((&stream).write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
            }
        });
        trap
    }

    /// The heads of all requests so far.
    pub fn visits(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
