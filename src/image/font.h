/* image/font.h - a small bitmap font for pictures: ASCII, five by eight dots, drawn for sammed2d.
 */
#ifndef IMAGE_FONT_H
#define IMAGE_FONT_H

#include <stdbool.h>

enum { FONT_WIDTH = 5, FONT_HEIGHT = 8, FONT_ADVANCE = 6 }; /* row 7 is for descenders */

/* Is dot (x, y) of the character set? What is not printable ASCII shows as an empty box. */
bool font_dot(unsigned character, int x, int y);

/* The next character of UTF-8 text, *text moved behind it; 0 at the end. Broken UTF-8 comes out as
 * U+FFFD, one for each byte. */
unsigned font_next(const char **text);

/* How many characters the text has. */
int font_length(const char *text);

#endif
