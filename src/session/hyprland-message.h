/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Hyprland says over its IPC, as far as the focus is concerned: lines EVENT>>DATA on one socket,
 * and on another one an answer in JSON. It must never trust what comes.
 */
#ifndef RUSTLAND_SESSION_HYPRLAND_MESSAGE_H
#define RUSTLAND_SESSION_HYPRLAND_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The question for hyprland_message_pid(). */
#define HYPRLAND_ACTIVE_WINDOW "j/activewindow"

/* Whether a line, without its end, says that another window has the focus, or none. */
bool hyprland_message_is_focus(const char *line, size_t size);

/* The process of the active window; 0: there is none, or this says nothing. */
pid_t hyprland_message_pid(const char *answer, size_t size);

#endif /* RUSTLAND_SESSION_HYPRLAND_MESSAGE_H */
