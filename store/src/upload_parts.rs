//! The bytes of uploads: in the database, so that every process of a fleet has them and a killed one loses none.

use ringfleet_core::UploadId;

use crate::{
    Result, Tx,
    tx::{exec, on, scalar},
};

impl Tx {
    /// Adds bytes to an upload that is RECEIVING and has exactly `offset`; false when it has another number of them, or is no longer RECEIVING.
    pub async fn append_part(&mut self, upload: UploadId, offset: u64, data: &[u8]) -> Result<bool> {
        let fits = exec!(
            self,
            "UPDATE uploads SET received = received + $3 WHERE id = $1 AND received = $2 AND state = 'RECEIVING'",
            upload.uuid(),
            offset as i64,
            data.len() as i64
        )?;
        if fits == 0 {
            return Ok(false);
        }
        exec!(
            self,
            "INSERT INTO upload_parts (upload_id, start, data) VALUES ($1, $2, $3)",
            upload.uuid(),
            offset as i64,
            data
        )?;
        Ok(true)
    }

    /// The part of an upload that begins at `start`; none at its end.
    pub async fn upload_part(&mut self, upload: UploadId, start: u64) -> Result<Option<Vec<u8>>> {
        scalar!(
            self,
            Vec<u8>,
            "SELECT data FROM upload_parts WHERE upload_id = $1 AND start = $2",
            upload.uuid(),
            start as i64
        )
    }
}
