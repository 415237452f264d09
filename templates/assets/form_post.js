// OAuth 2.0 Form Post Response Mode: the answer goes to the app at once; without this file, by the button.
document.getElementById('form-post').submit();
