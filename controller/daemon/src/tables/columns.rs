//! A table as Parquet.
//!
//! Responsible for: types of columns, and row groups of a bounded size. Every column may hold nothing in a row.
//!
//! ```text
//! Time     INT64, TIMESTAMP(MILLIS, UTC)      Number    DOUBLE
//! Text     BYTE_ARRAY, STRING                 Integer   INT64
//! Flag     BOOLEAN
//! ```

use super::{Cell, Out, Row, Sheet};
use anyhow::{Context, Result};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use std::sync::Arc;

/// A row group is written at so many rows, or so many bytes.
const GROUP_ROWS: usize = 1 << 16;
const GROUP_BYTES: usize = 16 << 20;

/// Values that are there, and for each row whether one is.
struct Values<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Values<T> {
    const fn new() -> Self {
        Self { values: Vec::new(), levels: Vec::new() }
    }

    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
}

/// A column of a row group.
enum Column {
    Whole(Values<i64>),
    Number(Values<f64>),
    Text(Values<ByteArray>),
    Flag(Values<bool>),
}

impl Column {
    const fn like(cell: &Cell<'_>) -> Self {
        match cell {
            Cell::Time(_) | Cell::Integer(_) => Self::Whole(Values::new()),
            Cell::Number(_) => Self::Number(Values::new()),
            Cell::Text(_) => Self::Text(Values::new()),
            Cell::Flag(_) => Self::Flag(Values::new()),
        }
    }

    /// Takes a cell, and says how many bytes it is. Nothing is taken of a cell of another kind.
    fn push(&mut self, cell: &Cell<'_>) -> usize {
        match (self, cell) {
            (Self::Whole(to), Cell::Time(at)) => to.push(at.map(|at| at.unix_ms())),
            (Self::Whole(to), Cell::Integer(n)) => to.push(*n),
            (Self::Number(to), Cell::Number(x)) => to.push(*x),
            (Self::Flag(to), Cell::Flag(is)) => to.push(*is),
            (Self::Text(to), Cell::Text(text)) => {
                to.push(text.as_deref().map(ByteArray::from));
                return text.as_ref().map_or(0, |text| text.len()) + 32;
            }
            (Self::Whole(to), _) => to.push(None),
            (Self::Number(to), _) => to.push(None),
            (Self::Text(to), _) => to.push(None),
            (Self::Flag(to), _) => to.push(None),
        }
        10
    }

    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, Out>) -> Result<()> {
        match self {
            Self::Whole(values) => write::<Int64Type>(values, group),
            Self::Number(values) => write::<DoubleType>(values, group),
            Self::Text(values) => write::<ByteArrayType>(values, group),
            Self::Flag(values) => write::<BoolType>(values, group),
        }
    }
}

fn write<T: DataType>(
    column: &mut Values<T::T>,
    group: &mut SerializedRowGroupWriter<'_, Out>,
) -> Result<()> {
    let mut to = group.next_column()?.context("a row group has fewer columns than its table")?;
    to.typed::<T>().write_batch(&column.values, Some(&column.levels), None)?;
    to.close()?;
    column.values.clear();
    column.levels.clear();
    Ok(())
}

pub(super) struct Parquet {
    out: SerializedFileWriter<Out>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl Parquet {
    pub(super) fn begin(out: Out, like: &Row<'_>) -> Result<Self> {
        let fields = like.iter().map(|(name, cell)| field(name, cell)).collect::<Result<_>>()?;
        let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("headroom ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let out = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        let columns = like.iter().map(|(_, cell)| Column::like(cell)).collect();
        Ok(Self { out, columns, rows: 0, bytes: 0 })
    }

    fn group(&mut self) -> Result<()> {
        let mut group = self.out.next_row_group()?;
        for column in &mut self.columns {
            column.write(&mut group)?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

fn field(name: &str, cell: &Cell<'_>) -> Result<Arc<Type>> {
    let (physical, logical) = match cell {
        Cell::Time(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        Cell::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Cell::Number(_) => (Physical::DOUBLE, None),
        Cell::Integer(_) => (Physical::INT64, None),
        Cell::Flag(_) => (Physical::BOOLEAN, None),
    };
    let column = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(column))
}

impl Sheet for Parquet {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        for (column, (_, cell)) in self.columns.iter_mut().zip(row) {
            self.bytes += column.push(cell);
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES { self.group() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<()> {
        if self.rows > 0 {
            self.group()?;
        }
        self.out.finish()?;
        Ok(std::io::Write::flush(self.out.inner_mut())?)
    }
}
