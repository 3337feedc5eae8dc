#include <stdarg.h>
#include <stdio.h>
#include "sammed2d/listener.h"

__attribute__((format(printf, 3, 0))) static void say(void (*to)(void *, const char *), void *context, const char *format, va_list args)
{
    char sentence[1024];
    vsnprintf(sentence, sizeof sentence, format, args);
    to(context, sentence);
}

void sm_warn(const struct sm_listener *listener, const char *format, ...)
{
    if (!listener || !listener->warning)
        return;
    va_list args;
    va_start(args, format);
    say(listener->warning, listener->context, format, args);
    va_end(args);
}

void sm_note(const struct sm_listener *listener, const char *format, ...)
{
    if (!listener || !listener->note)
        return;
    va_list args;
    va_start(args, format);
    say(listener->note, listener->context, format, args);
    va_end(args);
}

void sm_progress(const struct sm_listener *listener, const char *what, size_t done, size_t total)
{
    if (listener && listener->progress)
        listener->progress(listener->context, what, done, total);
}

bool sm_cancelled(const struct sm_listener *listener)
{
    return listener && listener->cancelled && listener->cancelled(listener->context);
}
