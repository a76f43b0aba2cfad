"""Where payment systems send their messages: one HTTP listener, a path for each of them. What a message leads to is the engine's affair
(``engine.hints``); here it is only bounded, proven, and answered."""
