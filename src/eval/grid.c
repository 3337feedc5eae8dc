#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "eval/grid.h"

void grid_add(struct grid *grid, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    if ((grid->count & (grid->count - 1)) == 0) {
        char **cells = realloc(grid->cells, (grid->count ? 2 * grid->count : 1) * sizeof *cells);
        grid->starved |= !cells;
        if (cells)
            grid->cells = cells;
    }
    va_start(arguments, format);
    if (grid->starved || vasprintf(&text, format, arguments) < 0)
        grid->starved = true;
    else
        grid->cells[grid->count++] = text;
    va_end(arguments);
}

void grid_number(struct grid *grid, double value, int decimals)
{
    if (isnan(value))
        grid_add(grid, "-");
    else
        grid_add(grid, "%.*f", decimals, value);
}

/* Letters, not bytes, so that names in UTF-8 keep their column. */
static int letters(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += (*text & 0xC0) != 0x80;
    return count;
}

static int width_of(const struct grid *grid, size_t column)
{
    int width = 0;
    for (size_t c = column; c < grid->count; c += grid->columns)
        width = letters(grid->cells[c]) > width ? letters(grid->cells[c]) : width;
    return width;
}

static void pad(FILE *out, int count)
{
    for (int n = 0; n < count; n++)
        fputc(' ', out);
}

void grid_write_text(const struct grid *grid, size_t texts, FILE *out)
{
    for (size_t c = 0; c < grid->count; c++) {
        size_t column = c % grid->columns;
        int space = width_of(grid, column) - letters(grid->cells[c]);
        bool last = column + 1 == grid->columns;
        pad(out, column >= texts ? space : 0);
        fputs(grid->cells[c], out);
        pad(out, column < texts && !last ? space : 0);
        fputs(last ? "\n" : "  ", out);
    }
}

static void markdown_cell(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

void grid_write_markdown(const struct grid *grid, size_t texts, FILE *out)
{
    for (size_t c = 0; c < grid->count; c++) {
        fputs("| ", out);
        markdown_cell(grid->cells[c], out);
        fputc(' ', out);
        if ((c + 1) % grid->columns)
            continue;
        fputs("|\n", out);
        for (size_t column = 0; c + 1 == grid->columns && column < grid->columns; column++)
            fputs(column < texts ? "|---" : "|---:", out);
        if (c + 1 == grid->columns)
            fputs("|\n", out);
    }
}

static void csv_cell(const char *text, FILE *out)
{
    if (strcmp(text, "-") == 0)
        return;
    bool quoted = strpbrk(text, ",\"\n\r") != NULL;
    if (quoted)
        fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    if (quoted)
        fputc('"', out);
}

void grid_write_csv(const struct grid *grid, FILE *out)
{
    for (size_t c = 0; c < grid->count; c++) {
        csv_cell(grid->cells[c], out);
        fputc((c + 1) % grid->columns ? ',' : '\n', out);
    }
}

void grid_free(struct grid *grid)
{
    for (size_t c = 0; c < grid->count; c++)
        free(grid->cells[c]);
    free(grid->cells);
    *grid = (struct grid){0};
}
