//! The program `espeak-ng`: the text goes to its standard input, a WAV file comes from its standard output.

use std::{path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use super::{ANSWER_LIMIT, Trouble};
use crate::media::read_wav;

/// Longest name of a voice, in characters; `mb-` and `+variant` included.
const LONGEST_VOICE: usize = 64;

pub(super) struct Program(PathBuf);

impl Program {
    pub fn new(program: PathBuf) -> Self {
        Self(program)
    }

    /// No shell is between. It is killed when this is dropped, as it is when its time is over.
    pub async fn render(&self, text: &str, voice: Option<&str>) -> Result<Vec<i16>, Trouble> {
        let mut command = Command::new(&self.0);
        command.args(["--stdin", "--stdout"]);
        if let Some(voice) = voice {
            if !is_voice(voice) {
                return Err(Trouble::Refused(format!("{voice:?} is the name of no voice")));
            }
            command.args(["-v", voice]);
        }
        let down = |error: std::io::Error| Trouble::Down(format!("{}: {error}", self.0.display()), None);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(down)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let speak = async {
            if let Some(mut stdin) = stdin {
                // One that ends before it has read everything says why by its status.
                let _ = stdin.write_all(text.as_bytes()).await;
            }
        };
        let hear = async {
            let mut bytes = Vec::new();
            match stdout {
                Some(stdout) => stdout.take(ANSWER_LIMIT as u64).read_to_end(&mut bytes).await.map(|_| bytes),
                None => Ok(bytes),
            }
        };
        let ((), bytes) = tokio::join!(speak, hear);
        let bytes = bytes.map_err(down)?;
        match child.wait().await.map_err(down)? {
            status if status.success() => super::aside(move || read_wav(&bytes[..])).await,
            status => Err(Trouble::Down(format!("{} ended with {status}", self.0.display()), None)),
        }
    }
}

/// A voice leads to a file of the program's own: nothing in its name may lead elsewhere.
fn is_voice(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_+".contains(c);
    name.len() <= LONGEST_VOICE
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_leads_nowhere_else() {
        assert!(["en", "en-gb-scotland+f3", "mb-de5", "zh_yue"].into_iter().all(is_voice));
        assert!(!["", "-x", "../../etc/passwd", "en gb", "/tmp/voice"].into_iter().any(is_voice));
    }
}
