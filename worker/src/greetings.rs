use std::{collections::HashMap, path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use ringfleet_carriers::media;

/// Greetings by file name, read once. A restart reads them anew.
pub(crate) struct Greetings {
    folder: Option<PathBuf>,
    built_in: Arc<Vec<i16>>,
    read: Mutex<HashMap<String, Arc<Vec<i16>>>>,
}

impl Greetings {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, built_in: Arc::new(media::tone::chime()), read: Mutex::default() }
    }

    /// The greeting of this name, or the built-in one when none is named. The error says what is wrong with the file.
    pub(crate) async fn get(&self, name: Option<&str>) -> Result<Arc<Vec<i16>>, String> {
        let Some(name) = name else { return Ok(self.built_in.clone()) };
        if let Some(pcm) = self.read.lock().get(name) {
            return Ok(pcm.clone());
        }
        let folder = self.folder.clone().ok_or("this worker has no greetings folder")?;
        let path = folder.join(name);
        let loaded = tokio::task::spawn_blocking(move || media::load_greeting(&path)).await;
        let pcm = Arc::new(loaded.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?);
        self.read.lock().insert(name.to_owned(), pcm.clone());
        Ok(pcm)
    }
}
