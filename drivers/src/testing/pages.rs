//! A page over HTTP on loopback that says what it is told to say.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The server; it ends with this value.
pub(crate) struct Server {
    pub(crate) port: u16,
    answer: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn open(page: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&answer);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let text = said.lock().unwrap().clone();
                tokio::spawn(async move {
                    let mut request = [0_u8; 2048];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(text.as_bytes()).await;
                });
            }
        });
        let server = Self { port, answer, task };
        server.say(&page);
        server
    }

    /// From now on it says this.
    pub(crate) fn say(&self, page: impl AsRef<str>) {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
        *self.answer.lock().unwrap() = head.to_owned() + page.as_ref();
    }

    /// From now on it says that it cannot.
    pub(crate) fn break_down(&self) {
        *self.answer.lock().unwrap() =
            "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into();
    }

    /// It ends.
    pub(crate) fn close(&self) {
        self.task.abort();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
