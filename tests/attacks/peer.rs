//! A small server that is all right unless its attack says otherwise: over stdio as a process, over HTTP as threads.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::attack::{Act, Asked, Deed, Stream, find};

/// The argument that makes this binary a server.
pub const SERVE: &str = "--serve";
/// The name of the server that does not attack.
pub const PEACEFUL: &str = "nothing";
/// The variable that holds the address of the trap.
pub const TRAP: &str = "MCP_CONFORM_ATTACK_TRAP";

/// The result that a good server gives.
fn well(asked: &Asked) -> Option<Value> {
    let params = &asked.message["params"];
    Some(match asked.method.as_str() {
        "initialize" if params["protocolVersion"].is_string() => json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "attacker", "version": "1"},
        }),
        "ping" => json!({}),
        "tools/list" if params.get("cursor").is_none_or(Value::is_string) => {
            tools(json!([tool("echo", json!({"type": "object"}))]))
        }
        "tools/call" if params["name"] == "echo" && params.get("arguments").is_none_or(Value::is_object) => {
            json!({"content": [{"type": "text", "text": "well"}]})
        }
        _ => return None,
    })
}

/// A tool that may be called.
pub fn tool(name: &str, schema: Value) -> Value {
    json!({"name": name, "inputSchema": schema, "annotations": {"readOnlyHint": true}})
}

/// A page of tools, which is the last.
pub fn tools(tools: Value) -> Value {
    json!({"tools": tools})
}

fn answer(asked: &Asked) -> Option<Vec<u8>> {
    let id = &asked.message["id"];
    let error = |code: i64, message: &str| json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}});
    let is_message = asked.message["jsonrpc"] == "2.0"
        && asked.message["method"].is_string()
        && (id.is_string() || id.is_number());
    let reply = match (well(asked), asked.method.as_str()) {
        _ if !asked.is_request() => return None,
        _ if !is_message => error(-32600, "Invalid Request"),
        (Some(result), _) => return Some(asked.reply(result)),
        (None, "initialize" | "tools/list" | "tools/call") => error(-32602, "Invalid params"),
        (None, _) => error(-32601, "Method not found"),
    };
    Some(reply.to_string().into_bytes())
}

fn deed(name: &str) -> fn(&Asked) -> Act {
    match find(name).map(|attack| attack.deed) {
        Some(Deed::Says(act) | Deed::Writes(act) | Deed::Sends(act)) => act,
        _ => |_| Act::Well,
    }
}

fn asked(bytes: &[u8], verb: &str, trap: &str) -> Asked {
    let message: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let method = message["method"].as_str().unwrap_or_default().to_owned();
    Asked { message, method, verb: verb.to_owned(), trap: trap.to_owned() }
}

/// Serves over standard input and output until the input ends.
pub fn serve(name: &str) -> ExitCode {
    let act = deed(name);
    let trap = std::env::var(TRAP).unwrap_or_default();
    for line in io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { break };
        let asked = asked(&line, "", &trap);
        let said = match act(&asked) {
            Act::Well => answer(&asked).map(whole),
            Act::Result(result) => Some(whole(asked.reply(result))),
            Act::Bytes(stream) | Act::Events(stream) | Act::Raw(stream) => Some(stream),
            Act::Nothing => None,
            Act::Close => {
                nix::unistd::close(1).expect("an open output");
                None
            }
            Act::Exit => return ExitCode::FAILURE,
        };
        if said.is_some_and(|said| write(said, io::stdout().lock()).is_err()) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn whole(mut reply: Vec<u8>) -> Stream {
    reply.push(b'\n');
    Box::new(std::iter::once(reply))
}

fn write(stream: Stream, mut out: impl Write) -> io::Result<()> {
    for bytes in stream {
        out.write_all(&bytes)?;
        out.flush()?;
    }
    Ok(())
}

/// A server over HTTP. Dropping it makes it deaf.
pub struct Listening {
    /// Where it is.
    pub url: String,
    over: Arc<AtomicBool>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Serves over HTTP.
pub fn listen(name: &str, trap: &str) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let over = Arc::new(AtomicBool::new(false));
    let (act, trap, is_over) = (deed(name), trap.to_owned(), over.clone());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let trap = trap.clone();
            thread::spawn(move || converse(&stream, act, &trap));
        }
    });
    Listening { url, over }
}

/// Answers the requests of a connection.
fn converse(stream: &TcpStream, act: fn(&Asked) -> Act, trap: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    while let Some(Request { verb, body, refused }) = request(&mut input)? {
        if let Some(status) = refused {
            return write(once(empty(status)), stream);
        }
        let asked = asked(&body, &verb, trap);
        let head = |kind: &str| {
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n").into_bytes()
        };
        let said: Stream = match act(&asked) {
            Act::Well => once(plain(&asked)),
            Act::Result(result) => once(json_response(asked.reply(result))),
            Act::Bytes(body) => Box::new(std::iter::once(head("application/json")).chain(body)),
            Act::Events(body) => Box::new(std::iter::once(head("text/event-stream")).chain(body)),
            Act::Raw(bytes) => {
                write(bytes, stream)?;
                return stream.shutdown(Shutdown::Both);
            }
            Act::Nothing => {
                // Until the tester gives up.
                let patience = Some(Duration::from_secs(60));
                stream.set_read_timeout(patience)?;
                return input.read(&mut [0]).map(drop);
            }
            Act::Close | Act::Exit => return stream.shutdown(Shutdown::Both),
        };
        write(said, stream)?;
        if !matches!(asked.verb.as_str(), "GET" | "DELETE" | "POST") {
            return Ok(());
        }
        stream.shutdown(Shutdown::Both)?;
    }
    Ok(())
}

fn once(bytes: Vec<u8>) -> Stream {
    Box::new(std::iter::once(bytes))
}

fn plain(asked: &Asked) -> Vec<u8> {
    match (asked.verb.as_str(), answer(asked)) {
        ("POST", Some(reply)) => json_response(reply),
        ("POST", None) if asked.message.is_null() => empty("400 Bad Request"),
        ("POST", None) => empty("202 Accepted"),
        _ => empty("405 Method Not Allowed\r\nAllow: POST"),
    }
}

fn json_response(body: Vec<u8>) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

fn empty(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// A request over HTTP.
struct Request {
    verb: String,
    body: Vec<u8>,
    /// The status with which every good server refuses it.
    refused: Option<&'static str>,
}

fn request(input: &mut impl BufRead) -> io::Result<Option<Request>> {
    let (mut verb, mut length, mut refused) = (String::new(), 0, None);
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if verb.is_empty() {
            verb = line.split(' ').next().unwrap_or_default().to_owned();
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "origin" => refused = Some("403 Forbidden"),
            "mcp-protocol-version" if !value.trim().starts_with("202") => refused = Some("400 Bad Request"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some(Request { verb, body, refused }))
}
