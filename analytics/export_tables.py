"""The tables that an export adds to the live ones: what its columns mean, and how it came to be."""

from typing import Final

from analytics.columns import Column, Kind, Table

DATA_DICTIONARY: Final = Table(
    "data_dictionary",
    "What every column of the export means.",
    ("table_name", "column_name"),
    (
        Column("table_name", Kind.TEXT, "", "The table."),
        Column("column_name", Kind.TEXT, "", "The column."),
        Column("position", Kind.INTEGER, "place", "The column's place in its table, from 1."),
        Column("type", Kind.TEXT, "", "text, integer, real or time."),
        Column("unit", Kind.TEXT, "", "The unit; empty where there is none."),
        Column("in_key", Kind.TEXT, "", "yes where the column is part of the table's primary key, otherwise no."),
        Column("may_be_null", Kind.TEXT, "", "yes or no."),
        Column("meaning", Kind.TEXT, "", "The column in words."),
    ),
)

EXPORT_METADATA: Final = Table(
    "export_metadata",
    "How each table of the export came to be.",
    ("table_name",),
    (
        Column("table_name", Kind.TEXT, "", "The table."),
        Column("meaning", Kind.TEXT, "", "What one row of it is."),
        Column("rows", Kind.INTEGER, "rows", "Rows in the export."),
        Column("complete", Kind.TEXT, "", "yes, or no where the export's row limit cut the table."),
        Column("as_of", Kind.TIME, "UTC", "When the table's newest row was written.", optional=True),
        Column("exported_at", Kind.TIME, "UTC", "When the export was asked for."),
        Column("exported_by", Kind.TEXT, "", "The program and its version."),
    ),
)
