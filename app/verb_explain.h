/* aksu explain CAPTURE. */
#ifndef APP_VERB_EXPLAIN_H
#define APP_VERB_EXPLAIN_H

/* argv[0] is the verb.  Answers the exit status. */
int app_explain(int argc, char **argv);

#endif /* APP_VERB_EXPLAIN_H */
