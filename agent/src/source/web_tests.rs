use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::*;
use crate::model::{Digest, NoProgress};

type Serve = Box<dyn Fn(&mut TcpStream) + Send>;

/// Serves requests one after the other, each with what `answers` does with its connection, which stays open.
fn serve(answers: Vec<Serve>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut open = Vec::new();
        for answer in answers {
            let mut stream = listener.accept().unwrap().0;
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            answer(&mut stream);
            open.push(stream);
        }
        thread::park();
    });
    url
}

fn begin(stream: &mut TcpStream, status: &str, bytes: usize) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

#[test]
fn a_silent_server_is_left_alone_and_a_slow_one_is_not() {
    const WHOLE: usize = 60_000;
    let url = serve(vec![
        Box::new(|_| {}),
        Box::new(|stream| {
            begin(stream, "206 Partial Content", WHOLE);
            stream.write_all(&[7; WHOLE / 2]).unwrap();
        }),
        Box::new(|stream| {
            begin(stream, "206 Partial Content", WHOLE / 2);
            for _ in 0..6 {
                thread::sleep(Duration::from_millis(300));
                stream.write_all(&[7; WHOLE / 12]).unwrap();
            }
        }),
    ]);
    let web = Web {
        url,
        ca: None,
        token: None,
        proxy: Proxy::default(),
    };
    let dir = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::new(&web, dir.path());
    fs::make_private_dirs(&shelf.dir).unwrap();
    shelf.silence = Duration::from_secs(1);
    let listed = Listed {
        sha256: Digest::of(&[7; WHOLE]),
        size: WHOLE as u64,
        name: "a.pitstop".to_owned(),
    };
    for words in [
        "no answer: nothing came for 1 s",
        "nothing came for 1 s; 30000 of 60000 bytes are here, and the next run goes on from there",
    ] {
        let failure = shelf.fetch(&listed, u64::MAX, &NoProgress).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Source);
        assert!(failure.message.ends_with(words), "{failure}");
    }
    assert_eq!(
        shelf.fetch(&listed, u64::MAX, &NoProgress).unwrap(),
        shelf.place(&listed)
    );
}
