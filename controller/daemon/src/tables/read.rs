//! Parquet, read column by column.
//!
//! Responsible for: flat columns of numbers, texts and times, whoever wrote them. Not for: what they mean.
//!
//! The crate panics at some damage of a file (an assertion on the length of a page, 60.1): that is caught here, and is damage.

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// First bytes of a Parquet file.
const MAGIC: &[u8] = b"PAR1";

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Nothing,
    Number(f64),
    Flag(bool),
    Text(String),
    /// Unix s.
    Time(f64),
}

/// An open file.
pub(crate) struct Parquet(SerializedFileReader<Bytes>);

/// Does a file begin as Parquet does?
pub(crate) fn is_parquet(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

impl Parquet {
    /// Of the bytes of a file.
    ///
    /// # Errors
    /// It has no footer that can be read, as one that was cut short.
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Self> {
        let open = || Ok(SerializedFileReader::new(Bytes::from(bytes)).map(Self)?);
        caught(open).context("it is no whole Parquet file")
    }

    /// Names of the columns; a column of a group is named with dots.
    pub(crate) fn names(&self) -> Vec<String> {
        let columns = self.0.metadata().file_metadata().schema_descr().columns();
        columns.iter().map(|column| column.path().string()).collect()
    }

    /// All values of a column.
    ///
    /// # Errors
    /// It is a list, of a type that is no number, text or time, or damaged.
    pub(crate) fn column(&self, at: usize) -> Result<Vec<Value>> {
        caught(|| self.column_or_panic(at))
            .context("it cannot be read; compress it with zstd, snappy or LZ4, or not at all")
    }

    fn column_or_panic(&self, at: usize) -> Result<Vec<Value>> {
        let schema = self.0.metadata().file_metadata().schema_descr_ptr();
        let column = schema.column(at);
        if column.max_rep_level() > 0 {
            bail!("it is a list; give one value per row");
        }
        let mut values = Vec::new();
        for group in 0..self.0.num_row_groups() {
            let group = self.0.get_row_group(group)?;
            let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            read(group.get_column_reader(at)?, &column, rows, &mut values)?;
        }
        Ok(values)
    }
}

/// What comes of reading, where the crate's panic is an error.
fn caught<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    // What was being read is dropped with it.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(anyhow!("it is damaged")))
}

fn read(reader: ColumnReader, column: &ColumnDescriptor, rows: usize, to: &mut Vec<Value>) -> Result<()> {
    let top = column.max_def_level();
    match reader {
        ColumnReader::BoolColumnReader(of) => take(of, rows, top, to, |x| Ok(Value::Flag(x))),
        ColumnReader::Int32ColumnReader(of) => take(of, rows, top, to, |x| Ok(Value::Number(f64::from(x)))),
        ColumnReader::FloatColumnReader(of) => take(of, rows, top, to, |x| Ok(Value::Number(f64::from(x)))),
        ColumnReader::DoubleColumnReader(of) => take(of, rows, top, to, |x| Ok(Value::Number(x))),
        ColumnReader::Int64ColumnReader(of) => {
            let tick = tick_s(column);
            take(of, rows, top, to, |x| {
                Ok(tick.map_or(Value::Number(x as f64), |s| Value::Time(x as f64 * s)))
            })
        }
        ColumnReader::ByteArrayColumnReader(of) => {
            take(of, rows, top, to, |x: ByteArray| Ok(Value::Text(x.as_utf8()?.to_owned())))
        }
        ColumnReader::Int96ColumnReader(of) => {
            take(of, rows, top, to, |x| Ok(Value::Time(x.to_millis() as f64 * 1e-3)))
        }
        ColumnReader::FixedLenByteArrayColumnReader(_) => bail!("its type is no number, text or time"),
    }
}

/// Seconds of a tick of a column of times.
fn tick_s(column: &ColumnDescriptor) -> Option<f64> {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(time)), _) => Some(match time.unit {
            TimeUnit::MILLIS => 1e-3,
            TimeUnit::MICROS => 1e-6,
            TimeUnit::NANOS => 1e-9,
        }),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Some(1e-3),
        (_, ConvertedType::TIMESTAMP_MICROS) => Some(1e-6),
        _ => None,
    }
}

/// Takes the rows of a group; a row whose level is below the top holds nothing.
fn take<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    top: i16,
    to: &mut Vec<Value>,
    make: impl Fn(T::T) -> Result<Value>,
) -> Result<()> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    while levels.len().max(values.len()) < rows {
        let left = rows - levels.len().max(values.len());
        let (read, _, _) = reader.read_records(left, Some(&mut levels), None, &mut values)?;
        if read == 0 {
            bail!("a row group ends before its rows do");
        }
    }
    let mut values = values.into_iter();
    for row in 0..rows {
        // A column that is always there has no levels.
        let is = top == 0 || levels.get(row) == Some(&top);
        let value = if is { Some(values.next().context("a value is missing")?) } else { None };
        to.push(value.map_or(Ok(Value::Nothing), &make)?);
    }
    Ok(())
}
