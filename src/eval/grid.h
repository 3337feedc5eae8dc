/* eval/grid.h - a table of texts, written in columns, as Markdown or as CSV. */
#ifndef EVAL_GRID_H
#define EVAL_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct grid {
    size_t columns;
    char **cells; /* row by row; the first row is the head */
    size_t count;
    bool starved; /* memory ran out: asked once, at the end */
};
/* Cells come one after the other; a row ends where the columns do. */
void grid_add(struct grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number with so many decimals; "-" (CSV: nothing) where it is NAN, "inf" where it has no end. */
void grid_number(struct grid *grid, double value, int decimals);
/* The first `texts` columns are flush left, the others right. */
void grid_write_text(const struct grid *grid, size_t texts, FILE *out);
void grid_write_markdown(const struct grid *grid, size_t texts, FILE *out);
void grid_write_csv(const struct grid *grid, FILE *out);
void grid_free(struct grid *grid);
#endif
