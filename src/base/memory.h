/* base/memory.h - how much memory this process may still ask for. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that can still be had: the machine's, or what the control group leaves; what files only keep in
 * memory counts as free. 1e18 where nobody says. */
double memory_available(void);

#ifdef __cplusplus
}
#endif
#endif
