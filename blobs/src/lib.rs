//! Files that are too large for the database, recordings above all: in a folder, or with S3 or whoever speaks its language.
//!
//! Only this crate knows the client behind it. Names are flat and of our making; what is kept under one is never changed.

use std::{path::Path as FilePath, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    ObjectStore, ObjectStoreExt, WriteMultipart, aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
};
use tokio::{fs::File, io::AsyncReadExt};

/// Bytes of one part of an upload: what S3 wants at least of all but the last.
const PART: usize = 5 << 20;
/// Parts under way at once.
const AT_ONCE: usize = 2;

/// Where blobs are kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// In a folder, which is made with the first blob. Every process that writes or reads has to see the same one.
    Folder(PathBuf),
    /// In a bucket. Credentials come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or from the machine's role.
    S3 {
        /// Its name.
        bucket: String,
        /// What all names begin with; empty for nothing.
        prefix: String,
        /// `https://…` of whoever speaks S3's language; none is Amazon.
        endpoint: Option<String>,
        /// Its region.
        region: Option<String>,
    },
}

/// Why something could not be kept or fetched.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The place cannot be reached, or refuses.
    #[error("{0}")]
    Store(#[from] object_store::Error),
    /// The file on this machine cannot be read, or its folder not be made.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What the functions of this crate answer with.
pub type Result<T> = std::result::Result<T, BlobError>;

/// A blob on its way.
pub struct Blob {
    /// How long it is.
    pub bytes: u64,
    /// Its content.
    pub content: BoxStream<'static, Result<Bytes>>,
}

/// A place for blobs. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Blobs {
    /// Opens a place; nothing is made, and nobody asked for anything, yet.
    ///
    /// # Errors
    /// When the folder is no path, or the settings of the bucket do not fit together.
    pub fn open(place: &Place) -> Result<Self> {
        match place {
            Place::Folder(folder) => {
                let unusable = |source| BlobError::File { path: folder.clone(), source };
                let prefix = std::path::absolute(folder).map_err(unusable)?;
                let prefix = Path::from_absolute_path(prefix).map_err(object_store::Error::from)?;
                Ok(Self { store: Arc::new(LocalFileSystem::new()), prefix })
            }
            Place::S3 { bucket, prefix, endpoint, region } => {
                let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
                if let Some(endpoint) = endpoint {
                    // Whoever names one in plain text runs it.
                    let is_plain = endpoint.starts_with("http://");
                    builder = builder.with_endpoint(endpoint).with_allow_http(is_plain);
                }
                if let Some(region) = region {
                    builder = builder.with_region(region);
                }
                Ok(Self { store: Arc::new(builder.build()?), prefix: Path::from(prefix.as_str()) })
            }
        }
    }

    /// Keeps a copy of a file under a name; another process that keeps the same file under it does no harm. Gives its length.
    ///
    /// # Errors
    /// When the file cannot be read, or the place refuses; nothing stands under the name then.
    pub async fn keep(&self, name: &str, file: &FilePath) -> Result<u64> {
        let unreadable = |source| BlobError::File { path: file.to_owned(), source };
        let mut reader = File::open(file).await.map_err(unreadable)?;
        let mut writing =
            WriteMultipart::new_with_chunk_size(self.store.put_multipart(&self.path(name)).await?, PART);
        let (mut part, mut bytes) = (vec![0; PART], 0);
        loop {
            match reader.read(&mut part).await {
                Ok(0) => break,
                Ok(read) => {
                    writing.wait_for_capacity(AT_ONCE).await?;
                    writing.write(&part[..read]);
                    bytes += read as u64;
                }
                Err(source) => {
                    writing.abort().await?;
                    return Err(unreadable(source));
                }
            }
        }
        writing.finish().await?;
        Ok(bytes)
    }

    /// What stands under a name; none if nothing does.
    ///
    /// # Errors
    /// When the place cannot be reached.
    pub async fn fetch(&self, name: &str) -> Result<Option<Blob>> {
        match self.store.get(&self.path(name)).await {
            Ok(found) => {
                let bytes = found.meta.size;
                Ok(Some(Blob { bytes, content: found.into_stream().map_err(BlobError::from).boxed() }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets what stands under a name, if anything does.
    ///
    /// # Errors
    /// When the place cannot be reached.
    pub async fn forget(&self, name: &str) -> Result<()> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blobs({})", self.store)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends where something it relies on fails")]
mod tests {
    use super::*;

    async fn content(blob: Blob) -> Vec<u8> {
        let parts: Vec<Bytes> = blob.content.try_collect().await.unwrap();
        parts.concat()
    }

    #[tokio::test]
    async fn a_file_is_kept_fetched_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&Place::Folder(folder.path().join("new/blobs"))).unwrap();
        let file = folder.path().join("file");
        let long: Vec<u8> = (0..2 * PART + 3).map(|n| (n / 1000) as u8).collect();
        std::fs::write(&file, &long).unwrap();
        for _ in 0..2 {
            assert_eq!(blobs.keep("a.wav", &file).await.unwrap(), long.len() as u64);
        }
        let blob = blobs.fetch("a.wav").await.unwrap().unwrap();
        assert_eq!(blob.bytes, long.len() as u64);
        assert!(content(blob).await == long);
        assert!(blobs.fetch("b.wav").await.unwrap().is_none());
        for _ in 0..2 {
            blobs.forget("a.wav").await.unwrap();
        }
        assert!(blobs.fetch("a.wav").await.unwrap().is_none());
        let missing = blobs.keep("c.wav", &folder.path().join("none")).await.unwrap_err();
        assert!(missing.to_string().ends_with("none: No such file or directory (os error 2)"), "{missing}");
        assert!(blobs.fetch("c.wav").await.unwrap().is_none());
    }
}
